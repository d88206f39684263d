import { describe, expect, test } from 'vitest'
import { unknownCritical } from '../../fixtures/extensions.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { type CrlOptions, makeCrl, makeOcspResponse } from '../../fixtures/revocation.ts'
import { fingerprint, judged, verdict, wanted, why } from './revoking.ts'

const URL_A = 'http://crl.example/a.crl'
const URL_B = 'http://crl.example/b.crl'
const OCSP = 'http://ocsp.example/'
const root = mint({ ca: true, subject: 'Root' })
const ca = mint({ issuer: root, ca: true, subject: 'Issuing CA', key: 'intermediate' })
const stranger = mint({ ca: true, subject: 'Root', key: 'root-b' })
const leafOf = (options: MintOptions = {}) => mint({ issuer: root, san: ['d.example'], ...options })
const pointed = leafOf({ crlUrls: [URL_A] })
const plain = leafOf()
const crl = (options: Partial<CrlOptions> = {}) => makeCrl({ issuer: root, ...options }).der
const revoking = (options: Partial<CrlOptions> = {}) =>
  crl({ revoked: [{ certificate: pointed }], ...options })
const failed = { refused: false, text: `${URL_A} gave nothing: crl.example did not answer` }
const refused = { refused: true, text: `${URL_A} is refused: crl.example is 10.0.0.1, a private address` }

describe('a CRL decides (CERT-7, RFC 5280 6.3.3)', () => {
  test('not on it is good, and what said so is told', () => {
    const result = judged({ root, leaf: pointed, crls: [{ der: crl(), from: URL_A }] })
    expect(result).toMatchObject({
      ok: true,
      revocation: [
        { status: 'good', by: 'crl', text: URL_A, nextUpdate: new Date('2056-01-01'), stale: false },
      ],
      wanted: [],
    })
  })

  test('on it is revoked: since when, why, and by whom', () => {
    const revoked = [{ certificate: pointed, date: '2026-04-01', reason: 'keyCompromise' as const }]
    const scene = { root, leaf: pointed, crls: [crl({ revoked })] }
    expect(verdict(scene)).toBe('CERT_REVOKED')
    expect(why(scene)).toBe(
      `the certificate ${fingerprint(pointed)}… was revoked on 2026-04-01T00:00:00Z (keyCompromise), says the CRL of CN=Root`,
    )
    expect(wanted(scene)).toEqual([])
  })

  test('an intermediate that is revoked stops the path, and is named', () => {
    const leaf = mint({ issuer: ca, san: ['d.example'] })
    const scene = { root, leaf, candidates: [ca], crls: [crl({ revoked: [{ certificate: ca }] })] }
    expect(verdict(scene)).toBe('CERT_REVOKED')
    expect(why(scene)).toMatch(/^the CA certificate CN=Issuing CA was revoked/)
  })

  test('it decides about a certificate that names no CRL, too', () => {
    expect(verdict({ root, leaf: plain, crls: [crl({ revoked: [{ certificate: plain }] })] })).toBe(
      'CERT_REVOKED',
    )
    expect(verdict({ root, leaf: plain, crls: [crl()] })).toBe('good crl')
  })

  test('many certificates under one CRL cost one check of its signature', () => {
    const der = crl({ crlNumber: 4711 })
    const before = judged({ root, leaf: leafOf(), crls: [der] }).work.signatures
    expect(judged({ root, leaf: leafOf(), crls: [der] }).work.signatures).toBe(before - 1)
  })

  test.each<[string, Partial<CrlOptions>]>([
    ['RSA-PSS', { pss: true }],
    ['SHA-512', { digest: 'sha512' }],
  ])('%s signatures hold', (_, options) => {
    expect(verdict({ root, leaf: pointed, crls: [crl(options)] })).toBe('good crl')
  })

  test('ECDSA signatures hold', () => {
    const ec = mint({ ca: true, subject: 'EC', key: 'ec-p384', digest: 'sha384' })
    const leaf = mint({ issuer: ec, san: ['d.example'] })
    expect(verdict({ root: ec, leaf, crls: [makeCrl({ issuer: ec, digest: 'sha384' }).der] })).toBe(
      'good crl',
    )
  })
})

describe('a CRL that is not the CA’s own word says nothing, neither yes nor no (CERT-7)', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['nobody signed it', crl({ forged: true }), /not signed by the key of its issuer/],
    [
      'a stranger of the same name signed it',
      crl({ signer: stranger }),
      /not signed by the key of its issuer/,
    ],
    ['MD5', crl({ digest: 'md5' }), /signed with MD5/],
    ['SHA-1', crl({ digest: 'sha1' }), /signed with SHA-1/],
    ['a critical extension that is not known', crl({ extensions: [unknownCritical] }), /32473\.1/],
    ['an entry with one', crl({ revoked: [{ certificate: ca, extensions: [unknownCritical] }] }), /32473\.1/],
    ['it is of a time to come', crl({ thisUpdate: '2026-12-24' }), /of a time to come \(2026-12-24/],
    ['it has ended', crl({ nextUpdate: '2026-11-20' }), /ended on 2026-11-20T00:00:00Z/],
    ['it does not say when it ends', crl({ nextUpdate: null }), /no nextUpdate/],
  ])('%s', (_, der, sentence) => {
    const scene = { root, leaf: pointed, crls: [der], unavailable: { [URL_A]: failed } }
    expect(verdict(scene)).toBe('REVOCATION_UNKNOWN temporary')
    expect(why(scene)).toMatch(sentence)
    expect(verdict({ ...scene, mode: 'prefer' })).toBe('unknown')
  })

  test('it does not revoke either: a forged CRL is no weapon', () => {
    const forged = [revoking({ forged: true }), revoking({ signer: stranger })]
    expect(verdict({ root, leaf: pointed, crls: [...forged, crl()] })).toBe('good crl')
  })

  test('another CA’s CRL is about other certificates', () => {
    const other = mint({ ca: true, subject: 'Other', key: 'root-b' })
    const der = makeCrl({ issuer: other, revoked: [{ certificate: plain }] }).der
    expect(verdict({ root, leaf: plain, crls: [der] })).toBe('not-revocable')
    expect(verdict({ root, leaf: plain, crls: [der], unpointed: 'unknown' })).toBe('REVOCATION_UNKNOWN')
  })

  test('SHA-1 counts where the partner is named in legacy (ALG-4), MD5 never', () => {
    expect(verdict({ root, leaf: pointed, crls: [crl({ digest: 'sha1' })], sha1: true })).toBe('good crl')
    expect(verdict({ root, leaf: pointed, crls: [crl({ digest: 'md5' })], sha1: true })).toMatch(/UNKNOWN/)
  })
})

describe('who may sign a CRL (RFC 5280 6.3.3 f)', () => {
  const noCrlSign = mint({ ca: true, subject: 'Mute', keyUsage: ['keyCertSign'] })
  const muteLeaf = mint({ issuer: noCrlSign, san: ['d.example'], crlUrls: [URL_A] })

  test('a CA whose keyUsage lacks cRLSign may not', () => {
    const scene = { root: noCrlSign, leaf: muteLeaf, crls: [makeCrl({ issuer: noCrlSign }).der] }
    expect(verdict(scene)).toMatch(/^REVOCATION_UNKNOWN/)
    expect(why(scene)).toContain('keyUsage lacks cRLSign')
  })

  const second = { subject: 'Mute', key: 'clinic-b', ca: false, extendedKeyUsage: null } as const

  test('a second key that the CA has certified for it may', () => {
    const signer = mint({ ...second, issuer: noCrlSign, keyUsage: ['cRLSign'] })
    const der = makeCrl({ issuer: noCrlSign, signer, issuingDistributionPoint: { onlyUserCerts: true } }).der
    expect(verdict({ root: noCrlSign, leaf: muteLeaf, crls: [der], candidates: [signer] })).toBe('good crl')
  })

  test('one that a sister CA under the same anchor has certified may not', () => {
    const victim = mint({ issuer: root, ca: true, subject: 'Victim', key: 'intermediate' })
    const sister = mint({ issuer: root, ca: true, subject: 'Sister', key: 'clinic-b' })
    const leaf = mint({ issuer: victim, san: ['d.example'], crlUrls: [URL_A] })
    const signer = mint({
      issuer: sister,
      subject: 'Victim',
      key: 'dr-lee',
      keyUsage: ['cRLSign'],
      extendedKeyUsage: null,
    })
    const crls = [crl(), makeCrl({ issuer: victim, signer }).der]
    const scene = { root, leaf, candidates: [victim, sister, signer], crls }
    expect(verdict(scene)).toMatch(/^REVOCATION_UNKNOWN/)
    expect(why(scene)).toContain('no CA of this path has certified')
  })

  test('a second key that is revoked itself may not', () => {
    const signer = mint({
      issuer: root,
      subject: 'Root',
      key: 'dr-lee',
      keyUsage: ['cRLSign'],
      extendedKeyUsage: null,
    })
    const byRoot = crl({ revoked: [{ certificate: signer }], crlNumber: 1 })
    const bySecond = crl({ signer, thisUpdate: '2026-03-01', revoked: [{ certificate: pointed }] })
    const scene = { root, leaf: pointed, crls: [bySecond, byRoot], candidates: [signer] }
    expect(verdict(scene)).toBe('good crl')
  })
})

describe('what a CRL speaks of (RFC 5280 5.2.5)', () => {
  const scope = (issuingDistributionPoint: NonNullable<CrlOptions['issuingDistributionPoint']>) =>
    crl({ issuingDistributionPoint })

  test.each<[string, Uint8Array]>([
    ['CA certificates only', scope({ onlyCaCerts: true })],
    ['attribute certificates only', scope({ onlyAttributeCerts: true })],
    ['another distribution point', scope({ point: { urls: [URL_B] } })],
    ['some reasons only', scope({ onlySomeReasons: [1, 2] })],
    ['a delta without its base', crl({ deltaBase: 1, crlNumber: 2 })],
  ])('%s leaves the status of a leaf open', (_, der) => {
    expect(verdict({ root, leaf: pointed, crls: [der] })).toBe('REVOCATION_UNKNOWN temporary')
  })

  test.each<[string, Uint8Array]>([
    ['user certificates', scope({ onlyUserCerts: true })],
    ['its own distribution point', scope({ point: { urls: [URL_B, URL_A] } })],
  ])('%s decide about a leaf', (_, der) => {
    expect(verdict({ root, leaf: pointed, crls: [der] })).toBe('good crl')
  })

  test('two CRLs of some reasons each are whole together', () => {
    const halves = [scope({ onlySomeReasons: [1, 2, 3, 4] }), scope({ onlySomeReasons: [5, 6, 7, 8] })]
    expect(verdict({ root, leaf: pointed, crls: halves })).toBe('good crl')
  })

  test('an indirect CRL speaks where the certificate names its issuer, and by certificateIssuer', () => {
    const issuer = mint({
      issuer: root,
      subject: 'CRLs',
      key: 'clinic-b',
      keyUsage: ['cRLSign'],
      extendedKeyUsage: null,
    })
    const named = [{ directory: [['CN', 'CRLs']] as const }]
    const leaf = leafOf({ distributionPoints: [{ crlIssuer: named }] })
    const issuingDistributionPoint = { indirect: true }
    const of = (who: string) => [{ directory: [['CN', who]] as const }]
    const listing = (who: string) =>
      makeCrl({
        issuer,
        issuingDistributionPoint,
        revoked: [{ certificate: leaf, certificateIssuer: of(who) }],
      }).der
    const scene = { root, leaf, candidates: [issuer] }
    expect(verdict({ ...scene, crls: [listing('Root')] })).toBe('CERT_REVOKED')
    expect(verdict({ ...scene, crls: [listing('Somebody')] })).toBe('good crl')
    expect(verdict({ ...scene, leaf: pointed, crls: [listing('Root')] })).toMatch(/^REVOCATION_UNKNOWN/)
    expect(verdict({ ...scene, crls: [makeCrl({ issuer }).der] })).toMatch(/^REVOCATION_UNKNOWN/)
  })
})

describe('deltas (RFC 5280 5.2.4)', () => {
  const held = [{ certificate: pointed, reason: 'certificateHold' as const }]
  const lifted = [{ certificate: pointed, reason: 'removeFromCRL' as const }]
  const base = crl({ crlNumber: 5 })

  test('a delta revokes what its base did not know of', () => {
    const delta = revoking({ crlNumber: 6, deltaBase: 5 })
    expect(verdict({ root, leaf: pointed, crls: [base, delta] })).toBe('CERT_REVOKED')
  })

  test('a delta takes back a hold', () => {
    const crls = [crl({ crlNumber: 5, revoked: held }), crl({ crlNumber: 6, deltaBase: 5, revoked: lifted })]
    expect(verdict({ root, leaf: pointed, crls })).toBe('good crl')
  })

  test.each<[string, Partial<CrlOptions>]>([
    ['to a later base', { crlNumber: 8, deltaBase: 6 }],
    ['older than the base', { crlNumber: 5, deltaBase: 4 }],
    ['that has ended', { crlNumber: 6, deltaBase: 5, nextUpdate: '2026-11-20' }],
    ['of another scope', { crlNumber: 6, deltaBase: 5, issuingDistributionPoint: { onlyUserCerts: true } }],
    ['that nobody signed', { crlNumber: 6, deltaBase: 5, forged: true }],
    ['by another key', { crlNumber: 6, deltaBase: 5, signer: stranger }],
    [
      'with a critical extension that is not known',
      { crlNumber: 6, deltaBase: 5, extensions: [unknownCritical] },
    ],
  ])('a delta %s takes nothing back', (_, options) => {
    const crls = [crl({ crlNumber: 5, revoked: held }), crl({ ...options, revoked: lifted })]
    expect(verdict({ root, leaf: pointed, crls })).toBe('CERT_REVOKED')
  })

  test('a delta that the certificate points to is wanted, and not waited for', () => {
    const leaf = leafOf({ crlUrls: [URL_A], freshestCrlUrls: [URL_B] })
    const scene = { root, leaf, crls: [{ der: crl(), from: URL_A }] }
    expect(verdict(scene)).toBe('good crl')
    expect(wanted(scene)).toEqual([`crl ${URL_B}`])
    expect(wanted({ ...scene, unavailable: { [URL_B]: failed } })).toEqual([])
  })
})

describe('CRLs that have ended', () => {
  const ended = { nextUpdate: '2026-11-20' }
  const graceMs = 72 * 3_600_000

  test('within the grace it speaks, is recorded as stale, and a newer one is wanted', () => {
    const scene = { root, leaf: pointed, crls: [{ der: crl(ended), from: URL_A }], graceMs }
    expect(judged(scene)).toMatchObject({ ok: true, revocation: [{ status: 'good', stale: true }] })
    expect(wanted(scene)).toEqual([`crl ${URL_A}`])
    expect(verdict({ ...scene, at: '2026-11-23T00:00:01Z' })).toMatch(/UNKNOWN/)
    expect(wanted({ ...scene, unavailable: { [URL_A]: failed } })).toEqual([])
  })

  test('the grace is for what was fetched: one that came with a message is not given it', () => {
    expect(verdict({ root, leaf: pointed, crls: [crl(ended)], graceMs })).toBe('REVOCATION_UNKNOWN temporary')
  })

  test('what it revokes stays revoked, but for a hold (RFC 5280 5.3.1)', () => {
    expect(verdict({ root, leaf: pointed, crls: [revoking(ended)] })).toBe('CERT_REVOKED')
    const held = crl({ ...ended, revoked: [{ certificate: pointed, reason: 'certificateHold' }] })
    expect(verdict({ root, leaf: pointed, crls: [held] })).toMatch(/UNKNOWN/)
  })

  test('an older CRL that is handed in does not hide a newer one', () => {
    const crls = [crl({ thisUpdate: '2026-02-01' }), revoking({ thisUpdate: '2026-03-01' })]
    expect(verdict({ root, leaf: pointed, crls })).toBe('CERT_REVOKED')
    expect(verdict({ root, leaf: pointed, crls: crls.toReversed() })).toBe('CERT_REVOKED')
  })
})

describe('what is missing is named, and may pass or not (CERT-7, NET)', () => {
  test('nothing fetched yet: wanted, and temporary', () => {
    const scene = { root, leaf: pointed }
    expect(verdict(scene)).toBe('REVOCATION_UNKNOWN temporary')
    expect(wanted(scene)).toEqual([`crl ${URL_A}`])
    expect(why(scene)).toBe(
      `whether the certificate ${fingerprint(pointed)}… is revoked is not known: nothing that ${URL_A} gives is at hand`,
    )
  })

  test('a host that does not answer is named, and may answer later', () => {
    const scene = { root, leaf: pointed, unavailable: { [URL_A]: failed } }
    expect(verdict(scene)).toBe('REVOCATION_UNKNOWN temporary')
    expect(why(scene)).toContain(failed.text)
    expect(wanted(scene)).toEqual([])
  })

  test('a refused URL is final, and named', () => {
    const scene = { root, leaf: pointed, unavailable: { [URL_A]: refused } }
    expect(verdict(scene)).toBe('URL_REFUSED')
    expect(why(scene)).toContain(refused.text)
  })

  test('a refused URL is no matter while another one may answer, or has', () => {
    const leaf = leafOf({ crlUrls: [URL_A, URL_B] })
    const scene = { root, leaf, unavailable: { [URL_A]: refused } }
    expect(verdict(scene)).toBe('REVOCATION_UNKNOWN temporary')
    expect(wanted(scene)).toEqual([`crl ${URL_B}`])
    expect(verdict({ ...scene, crls: [{ der: crl(), from: URL_B }] })).toBe('good crl')
  })

  test('of several URLs of one point the next is asked when the last gave nothing', () => {
    const leaf = leafOf({ crlUrls: ['ldap://h.example/x', URL_A, URL_B] })
    expect(wanted({ root, leaf })).toEqual([`crl ${URL_A}`])
    expect(wanted({ root, leaf, unavailable: { [URL_A]: failed } })).toEqual([`crl ${URL_B}`])
  })

  test.each(['ldap://h.example/cn=crl', 'ftp://h.example/a', 'file:///etc/passwd', 'http:'])(
    '%s alone is refused: only http and https are asked',
    (url) => {
      const scene = { root, leaf: leafOf({ crlUrls: [url] }) }
      expect(verdict(scene)).toBe('URL_REFUSED')
      expect(why(scene)).toContain(url)
      expect(wanted(scene)).toEqual([])
    },
  )

  test('OCSP is asked first, the CRL when no responder is left', () => {
    const leaf = leafOf({ crlUrls: [URL_A], ocspUrls: [OCSP] })
    expect(wanted({ root, leaf })).toEqual([`ocsp ${OCSP}`])
    expect(wanted({ root, leaf, unavailable: { [OCSP]: failed } })).toEqual([`crl ${URL_A}`])
    const unknown = makeOcspResponse({ issuer: root, for: leaf, status: 'unknown' })
    const asked = { root, leaf, ocsp: [{ der: unknown, from: OCSP }] }
    expect(wanted(asked)).toEqual([`crl ${URL_A}`, `ocsp ${OCSP}`])
    expect(verdict(asked)).toBe('REVOCATION_UNKNOWN temporary')
  })

  test('good by one way suffices, revoked by either is revoked', () => {
    const leaf = leafOf({ crlUrls: [URL_A], ocspUrls: [OCSP] })
    const says = (status: 'good' | 'unknown' | { revoked: string }) =>
      makeOcspResponse({ issuer: root, for: leaf, status })
    const listed = crl({ revoked: [{ certificate: leaf }] })
    expect(verdict({ root, leaf, ocsp: [says('good')] })).toBe('good ocsp')
    expect(verdict({ root, leaf, ocsp: [says('unknown')], crls: [crl()] })).toBe('good crl')
    expect(verdict({ root, leaf, ocsp: [says('good')], crls: [listed] })).toBe('CERT_REVOKED')
    expect(verdict({ root, leaf, ocsp: [says({ revoked: '2026-03-01' })], crls: [crl()] })).toBe(
      'CERT_REVOKED',
    )
  })

  test('no pointer and nothing at hand: not revocable, or unknown for who hands in all there is', () => {
    expect(verdict({ root, leaf: plain })).toBe('not-revocable')
    const scene = { root, leaf: plain, unpointed: 'unknown' as const }
    expect(verdict(scene)).toBe('REVOCATION_UNKNOWN')
    expect(why(scene)).toContain('names neither a CRL nor an OCSP responder')
  })

  test('a point without any URL leaves nothing to wait for', () => {
    const leaf = leafOf({ distributionPoints: [{ names: [{ directory: [['CN', 'Point']] }] }] })
    expect(verdict({ root, leaf })).toBe('REVOCATION_UNKNOWN')
  })

  test('prefer lets the unknown pass and says why; off asks nothing', () => {
    const scene = { root, leaf: pointed, unavailable: { [URL_A]: failed } }
    expect(verdict({ ...scene, mode: 'prefer' })).toBe('unknown')
    expect(why({ ...scene, mode: 'prefer' })).toContain(failed.text)
    expect(wanted({ root, leaf: pointed, mode: 'prefer' })).toEqual([`crl ${URL_A}`])
    expect(verdict({ root, leaf: pointed, mode: 'off', crls: [revoking()] })).toBe('not-checked')
    expect(verdict({ root, leaf: pointed, mode: 'prefer', crls: [revoking()] })).toBe('CERT_REVOKED')
  })

  test('what is final is told before what may pass: a revoked CA, not the silent host of its leaf', () => {
    const leaf = mint({ issuer: ca, san: ['d.example'], crlUrls: [URL_A] })
    const crls = [crl({ revoked: [{ certificate: ca }] })]
    expect(verdict({ root, leaf, candidates: [ca], crls })).toBe('CERT_REVOKED')
    const bad = mint({ issuer: root, ca: true, subject: 'CA', key: 'intermediate', crlUrls: ['ldap://x/'] })
    const under = mint({ issuer: bad, san: ['d.example'], crlUrls: [URL_A] })
    expect(verdict({ root, leaf: under, candidates: [bad] })).toBe('URL_REFUSED')
  })

  test('of an anchor nothing is asked, and that is said', () => {
    expect(verdict({ root: pointed, leaf: pointed, crls: [revoking()] })).toBe('not-checked')
  })

  test('150 CRLs that nobody signed end in a verdict (CERT-5)', () => {
    const forged = (from: number) =>
      Array.from({ length: 150 }, (_, n) => crl({ crlNumber: from + n, forged: true }))
    expect(verdict({ root, leaf: pointed, crls: forged(1000) })).toBe('WORK_LIMIT')
    expect(verdict({ root, leaf: pointed, crls: forged(2000), mode: 'prefer' })).toBe('WORK_LIMIT')
  })
})
