import { describe, expect, test } from 'vitest'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl, makeOcspResponse } from '../../fixtures/revocation.ts'
import { bindingOf, type Certificate } from '../../trust-anchors/index.ts'
import { address } from './judging.ts'
import { ca, leafUnder, verdict as pathVerdict, root, withSettings } from './paths.ts'
import { type Scene, verdict, wanted } from './revoking.ts'

/** What somebody tries whose key was revoked, or who has a CA under a trusted anchor. */

const CRL_URL = 'http://crl.example/ca.crl'
const OCSP_URL = 'http://ocsp.example/'
const issuing = ca()
const leaf = leafUnder(issuing, { crlUrls: [CRL_URL] })

describe('work that is used up switches revocation off for nobody (CERT-5, CERT-7)', () => {
  /** The CA's second key, for CRLs alone: who uses it has to be led to the anchor. */
  const crlKey = mint({ issuer: issuing, subject: 'Issuing CA', key: 'dr-lee', keyUsage: ['cRLSign'] })
  const revoking = makeCrl({ issuer: issuing, signer: crlKey, revoked: [{ certificate: leaf }] }).der
  const older = makeCrl({ issuer: issuing, thisUpdate: '2026-01-15' }).der
  const scene = (strangers: number): Scene => ({
    ...{ root, leaf, crls: [revoking], mode: 'prefer' as const },
    candidates: [...Array.from({ length: strangers }, (_, i) => namesake(i)), issuing, crlKey],
  })

  test('a CRL by a second key of the CA revokes', () => {
    expect(verdict(scene(0))).toBe('CERT_REVOKED')
  })

  test.each([400, 500, 600, 900])(
    'with %i namesakes of the CA among the candidates it does, or nothing is believed',
    (strangers) => {
      expect(['CERT_REVOKED', 'WORK_LIMIT']).toContain(verdict(scene(strangers)))
    },
  )

  test('nor does an older CRL clear when the newest could not be checked', () => {
    const both = (strangers: number) =>
      verdict({ ...scene(strangers), crls: [older, revoking], mode: 'require' })
    expect(both(0)).toBe('CERT_REVOKED')
    expect(both(600)).toBe('WORK_LIMIT')
  })

  /** The CA's name and key, which anybody may write down, without a right: a step each, and no signature check. */
  function namesake(i: number): Minted {
    const certificate: Certificate = Object.create(issuing.certificate, {
      sha256: { value: i.toString(16).padStart(64, '0') },
      keyUsage: { value: new Set(['cRLSign']) },
    })
    return { ...issuing, certificate }
  }
})

describe('what somebody brings along clears him only where nothing newer is to be had (CERT-7)', () => {
  const bothUrls = leafUnder(issuing, { crlUrls: [CRL_URL], ocspUrls: [OCSP_URL] })
  const own = makeCrl({ issuer: issuing, thisUpdate: '2026-10-01' }).der
  const ofRoot = makeCrl({ issuer: root }).der
  const scene = (more: Partial<Scene>): Scene => ({ root, leaf, candidates: [issuing], ...more })

  test('a CRL from elsewhere is good, and the CRL at the certificate’s own URL is wanted', () => {
    const brought = scene({ crls: [own] })
    expect(verdict(brought)).toBe('good crl')
    expect(wanted(brought)).toEqual([`crl ${CRL_URL}`])
  })

  test('an OCSP response from elsewhere is good, and its own responder is wanted', () => {
    const ocsp = [makeOcspResponse({ for: bothUrls, issuer: issuing })]
    const brought = scene({ leaf: bothUrls, ocsp })
    expect(verdict(brought)).toBe('good ocsp')
    expect(wanted(brought)).toEqual([`ocsp ${OCSP_URL}`])
  })

  test('what its own URL gave settles it', () => {
    expect(wanted(scene({ crls: [own, { der: own, from: CRL_URL }] }))).toEqual([])
    expect(wanted(scene({ crls: [{ der: own, from: CRL_URL }, own, ofRoot] }))).toEqual([])
  })

  test('a newer CRL from its own URL revokes, whatever else was brought', () => {
    const newer = makeCrl({ issuer: issuing, thisUpdate: '2026-11-01', revoked: [{ certificate: leaf }] })
    expect(verdict(scene({ crls: [own, { der: newer.der, from: CRL_URL }] }))).toBe('CERT_REVOKED')
  })

  test('where its own URL gives nothing, what was brought counts', () => {
    const unavailable = { [CRL_URL]: { refused: false, text: 'crl.example did not answer' } }
    const brought = scene({ crls: [own], unavailable })
    expect(verdict(brought)).toBe('good crl')
    expect(wanted(brought)).toEqual([])
  })
})

describe('our own bounds switch revocation off for nobody (CERT-7)', () => {
  const scene = (text: string, more: object): Scene => ({
    ...{ root, leaf, candidates: [issuing], mode: 'prefer' },
    unavailable: { [CRL_URL]: { refused: false, text, ...more } },
  })

  test('prefer lets pass whose hosts do not answer, and nobody whose hosts were not asked', () => {
    expect(verdict(scene('it did not answer', {}))).toBe('unknown')
    expect(verdict(scene('our patience was over', { unasked: true }))).toBe('REVOCATION_UNKNOWN temporary')
    expect(verdict(scene('too many URLs', { unasked: true, refused: true }))).toBe('URL_REFUSED')
  })

  test('what has been settled otherwise stays settled', () => {
    const crls = [makeCrl({ issuer: issuing }).der]
    expect(verdict({ ...scene('our patience was over', { unasked: true }), crls })).toBe('good crl')
  })
})

describe('keys that anybody may break vouch for nothing (ALG, keys)', () => {
  const weakLeaf = leafUnder(issuing, { ocspUrls: [OCSP_URL] })
  const weak = (options: MintOptions): Minted => mint({ issuer: issuing, key: 'rsa-1024', ...options })
  const responder = weak({ subject: 'Responder', extendedKeyUsage: ['1.3.6.1.5.5.7.3.9'] })
  const crlKey = weak({ subject: 'Issuing CA', keyUsage: ['cRLSign'] })
  const direct = withSettings({ signatureAlgorithms: 'direct' }).settings

  test('an OCSP responder of 1024 bits', () => {
    const ocsp = [makeOcspResponse({ for: weakLeaf, issuer: issuing, responder })]
    const scene: Scene = { root, leaf: weakLeaf, candidates: [issuing], ocsp }
    expect(verdict(scene)).toBe('good ocsp')
    expect(verdict({ ...scene, settings: direct })).toBe('REVOCATION_UNKNOWN temporary')
  })

  test('a CA’s second key, of 1024 bits, for its CRLs', () => {
    const crls = [makeCrl({ issuer: issuing, signer: crlKey }).der]
    const scene: Scene = { root, leaf, candidates: [issuing, crlKey], crls }
    expect(verdict(scene)).toBe('good crl')
    expect(verdict({ ...scene, settings: direct })).toBe('REVOCATION_UNKNOWN temporary')
  })

  test('a CA with the public exponent 1, whose signatures anybody can write', () => {
    const key = { ...issuing.certificate.key, exponent: 1n }
    const certificate: Certificate = Object.create(issuing.certificate, { key: { value: key } })
    const below = leafUnder(issuing)
    expect(pathVerdict(below, [{ ...issuing, certificate }], withSettings(direct))).toBe('KEY_WEAK')
  })
})

describe('the legacy switch widens no CA (CERT-1, CERT-5)', () => {
  test.each([
    ['kim@hisp.example', 'address'],
    ['\u212aim@hisp.example', null],
    ['his\u017f.example', null],
  ])('the common name %s binds as %s', (subject, boundTo) => {
    const { certificate } = leafUnder(ca(), { subject, san: [] })
    const binding = bindingOf(certificate, address('kim@hisp.example'), { subjectEmail: true })
    expect(binding?.boundTo ?? null).toBe(boundTo)
  })

  test('a domain in the subject’s emailAddress is a domain, and constrained as one', () => {
    const held = ca({ nameConstraints: { permitted: [{ dns: 'hisp.example' }] } })
    const below = (subjectEmail: string) => leafUnder(held, { subject: 'Dr. Lee', san: [], subjectEmail })
    const legacy = withSettings({ subjectNames: true })
    expect(pathVerdict(below('hisp.example'), [held], legacy)).toBe('ok')
    expect(pathVerdict(below('victim.example'), [held], legacy)).toBe('NAME_CONSTRAINT')
    expect(pathVerdict(below('dr.lee@victim.example'), [held], legacy)).toBe('ok')
  })
})
