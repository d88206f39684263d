import { describe, expect, test } from 'vitest'
import { unknownCritical } from '../../fixtures/extensions.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import {
  bindingOf,
  chooseCertificate,
  leafFailures,
  VerifiedPath,
  verifyCertificate,
} from '../../trust-anchors/index.ts'
import { address, codes, fixture, NOW } from './judging.ts'

const B = 'anyone@clinic-b.example'
const [rootA] = fixture('root-a')
const [rootB] = fixture('root-b')

describe('a certificate is usable for Direct', () => {
  test.each(['encrypt', 'sign'] as const)('domain-bound, to %s', (purpose) => {
    expect(codes(purpose, B, fixture('clinic-b'))).toEqual([])
  })

  test('address-bound, under an intermediate that came with it', () => {
    expect(codes('encrypt', 'Dr.Lee@HISP.example', fixture('dr-lee'))).toEqual([])
  })

  test('and the path says what was checked, for whom, and what was not (revocation)', () => {
    const [leaf, intermediate] = fixture('dr-lee')
    const verdict = verifyCertificate('sign', address('dr.lee@hisp.example'), leaf, {
      candidates: [intermediate as typeof leaf],
      anchors: [rootA],
      at: NOW,
      sha1: false,
      subjectEmail: false,
    })
    expect(verdict.ok).toBe(true)
    if (!verdict.ok) return
    expect(verdict.path.certificates).toEqual([leaf, intermediate, rootA])
    expect(verdict.path).toMatchObject({
      purpose: 'sign',
      at: NOW,
      leaf,
      anchor: rootA,
      boundTo: 'address',
      boundName: 'dr.lee@hisp.example',
      unchecked: ['revocation'],
    })
    expect(VerifiedPath.is(verdict.path)).toBe(true)
    expect(VerifiedPath.is({ ...verdict.path })).toBe(false)
  })
})

describe('a fixture named after a rule fails by that rule', () => {
  test.each([
    ['CERT1_OtherDomain', ['CERT_NOT_BOUND']],
    ['CERT1_ParentDomain', ['CERT_NOT_BOUND']],
    ['CERT1_SubjectOnly', ['CERT_NOT_BOUND']],
    ['CERT2_Expired', ['CERT_EXPIRED']],
    ['CERT2_NotYetValid', ['CERT_NOT_YET_VALID']],
    ['CERT3_CaLeaf', ['CERT_IS_CA']],
    ['CERT4_KeyUsage_SignOnly', ['KEY_USAGE']],
    ['CERT4_Eku_ServerAuthOnly', ['EXT_KEY_USAGE']],
    ['CERT5_UnknownCriticalExtension', ['UNKNOWN_CRITICAL_EXTENSION']],
    ['CERT5_NameConstrainedIssuer', ['NAME_CONSTRAINT']],
    ['CERT5_PathLengthViolated', ['PATH_LENGTH']],
    ['CERT5_IssuerNotCa', ['ISSUER_NOT_CA']],
    ['CERT5_IssuerMayNotSign', ['ISSUER_NOT_CA']],
    ['CERT5_BadSignature', ['BAD_SIGNATURE']],
    ['CERT6_SelfSignedLeaf', ['UNKNOWN_ISSUER']],
    ['CERT6_ClinicB_UnderRootB', ['UNKNOWN_ISSUER']],
    ['ALG_Rsa1024', ['KEY_WEAK']],
    ['ALG_Sha1Signed', ['SIGNATURE_WEAK']],
    ['ALG_Md5Signed', ['SIGNATURE_WEAK']],
    ['ALG_EcLeaf', []],
  ])('%s: %j', (name, expected) => {
    expect(codes('encrypt', B, fixture(name))).toEqual(expected)
  })

  test('CERT6_UnderExpiredAnchor: the text names the anchor and its date', () => {
    const [leaf] = fixture('CERT6_UnderExpiredAnchor')
    const verdict = verifyCertificate('encrypt', address(B), leaf, {
      candidates: [],
      anchors: [rootA, ...fixture('root-expired')],
      at: NOW,
      sha1: false,
      subjectEmail: false,
    })
    expect(verdict).toMatchObject({
      ok: false,
      failures: [
        { code: 'CERT_EXPIRED', text: 'the trust anchor CN=Test Root Expired expired on 2024-01-01' },
      ],
    })
  })
})

describe('binding (CERT-1)', () => {
  const bound = (san: readonly string[], to: string) =>
    bindingOf(mint({ san }).certificate, address(to), { subjectEmail: false })

  test('all entries of the subjectAltName count, without case', () => {
    expect(bound(['x.example', 'other@d.example', 'Dr.Lee@D.Example'], 'dr.lee@d.example')).toEqual({
      boundTo: 'address',
      name: 'Dr.Lee@D.Example',
    })
  })

  test('an address goes before its domain', () => {
    expect(bound(['d.example', 'a@d.example'], 'a@d.example')?.boundTo).toBe('address')
    expect(bound(['d.example', 'a@d.example'], 'b@d.example')?.boundTo).toBe('domain')
  })

  test('user+tag@d is satisfied by a certificate for user@d, but not the other way round (MSG-13)', () => {
    expect(bound(['user@d.example'], 'user+tag@d.example')?.boundTo).toBe('address')
    expect(bound(['user+tag@d.example'], 'user@d.example')).toBeNull()
    expect(bound(['user+other@d.example'], 'user+tag@d.example')).toBeNull()
  })

  test('an IDN domain is compared as A-labels', () => {
    expect(bound(['xn--bcher-kva.example'], 'a@bücher.example')?.boundTo).toBe('domain')
  })

  test.each(['*.d.example', 'example', 'sub.d.example', 'd.example.', 'xd.example'])(
    '%s does not bind d.example',
    (name) => {
      expect(bound([name], 'a@d.example')).toBeNull()
    },
  )

  test('a dNSName is no address, and an rfc822Name no domain', () => {
    expect(bound(['b@d.example'], 'a@d.example')).toBeNull()
  })

  test('the subject counts only by the legacy switch', () => {
    const byEmail = mint({ subject: 'A Person', subjectEmail: 'a@d.example' }).certificate
    const byName = mint({ subject: 'd.example' }).certificate
    for (const [certificate, boundTo] of [
      [byEmail, 'address'],
      [byName, 'domain'],
    ] as const) {
      expect(bindingOf(certificate, address('a@d.example'), { subjectEmail: false })).toBeNull()
      expect(bindingOf(certificate, address('a@d.example'), { subjectEmail: true })?.boundTo).toBe(boundTo)
    }
  })
})

describe('what a certificate is good for (CERT-3, CERT-4)', () => {
  const judged = (purpose: 'encrypt' | 'sign', options: Parameters<typeof mint>[0]) =>
    leafFailures(purpose, mint(options).certificate, NOW).map(({ code }) => code)

  test('no keyUsage and no extendedKeyUsage: everything', () => {
    const options = { keyUsage: null, extendedKeyUsage: null }
    expect(judged('encrypt', options)).toEqual([])
    expect(judged('sign', options)).toEqual([])
  })

  test('nonRepudiation is enough to sign, and not enough to encrypt', () => {
    expect(judged('sign', { keyUsage: ['nonRepudiation'] })).toEqual([])
    expect(judged('encrypt', { keyUsage: ['nonRepudiation'] })).toEqual(['KEY_USAGE'])
  })

  test('keyEncipherment alone does not sign', () => {
    expect(codes('sign', B, fixture('CERT4_KeyUsage_EncryptOnly'))).toEqual(['KEY_USAGE'])
    expect(codes('encrypt', B, fixture('CERT4_KeyUsage_EncryptOnly'))).toEqual([])
    expect(codes('sign', B, fixture('CERT4_KeyUsage_SignOnly'))).toEqual([])
  })

  test('anyExtendedKeyUsage will do', () => {
    expect(judged('sign', { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0'] })).toEqual([])
  })

  test('an EC key signs, and is encrypted to by key agreement alone (ALG, CERT-4)', () => {
    const usages = (keyUsage: NonNullable<MintOptions['keyUsage']>) =>
      (['sign', 'encrypt'] as const).map((purpose) =>
        leafFailures(purpose, mint({ san: ['d.example'], key: 'ec-p384', keyUsage }).certificate, NOW).map(
          ({ code }) => code,
        ),
      )
    expect(usages(['digitalSignature', 'keyAgreement'])).toEqual([[], []])
    expect(usages(['digitalSignature', 'keyEncipherment'])).toEqual([[], ['KEY_USAGE']])
  })

  test('an unknown critical extension ends every path, and so every use of ours (CERT-5)', () => {
    const options = { san: ['d.example'], extensions: [unknownCritical] }
    expect(judged('sign', options)).toEqual(['UNKNOWN_CRITICAL_EXTENSION'])
    expect(judged('encrypt', options)).toEqual(['UNKNOWN_CRITICAL_EXTENSION'])
  })

  test('a CA is usable when it is itself the anchor (CERT-3)', () => {
    const [leaf] = fixture('CERT3_CaLeaf')
    expect(codes('encrypt', B, [leaf], { anchors: [rootA, leaf] })).toEqual([])
  })
})

test('validity is judged at the given time alone (CERT-2)', () => {
  const leaf = fixture('CERT2_Expired')
  // The root starts in 2026: at that time the leaf is right and its anchor is not there yet.
  expect(codes('encrypt', B, leaf, { at: new Date('2024-06-01') })).toEqual(['CERT_NOT_YET_VALID'])
  const { certificate } = mint({ san: ['clinic-b.example'], days: 10 })
  const at = (time: string) => leafFailures('encrypt', certificate, new Date(time)).map(({ code }) => code)
  expect(at('2025-12-31T23:59:59Z')).toEqual(['CERT_NOT_YET_VALID'])
  expect(at('2026-01-01T00:00:00Z')).toEqual([])
  expect(at('2026-01-11T00:00:00.999Z')).toEqual([])
  expect(at('2026-01-11T00:00:01Z')).toEqual(['CERT_EXPIRED'])
})

test('a SHA-1 certificate signature is accepted where the partner is named, MD5 never (ALG-4)', () => {
  expect(codes('encrypt', B, fixture('ALG_Sha1Signed'), { sha1: true })).toEqual([])
  expect(codes('encrypt', B, fixture('ALG_Md5Signed'), { sha1: true })).toEqual(['SIGNATURE_WEAK'])
})

test('all that is wrong is told, dates first, the path last (DISC-10)', () => {
  const { certificate } = mint({
    san: ['elsewhere.example'],
    to: '2026-02-01',
    ca: true,
    key: 'rsa-1024',
    extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'],
  })
  expect(codes('encrypt', B, [certificate])).toEqual([
    'CERT_EXPIRED',
    'CERT_NOT_BOUND',
    'CERT_IS_CA',
    'KEY_WEAK',
    'KEY_USAGE',
    'EXT_KEY_USAGE',
    'UNKNOWN_ISSUER',
  ])
})

test('no failure text holds a person’s name from the subject', () => {
  const { certificate } = mint({ subject: 'Canary Person', san: ['x@y.example'], to: '2026-02-01' })
  const verdict = verifyCertificate('encrypt', address(B), certificate, {
    candidates: [certificate],
    anchors: [rootB],
    at: NOW,
    sha1: false,
    subjectEmail: false,
  })
  expect(JSON.stringify(verdict)).not.toContain('Canary')
})

describe('of several usable certificates one is chosen (MSG-9)', () => {
  const lee = 'dr.lee@hisp.example'
  const path = (leaf: Parameters<typeof verifyCertificate>[2]) => {
    const verdict = verifyCertificate('encrypt', address(lee), leaf, {
      candidates: fixture('intermediate'),
      anchors: [rootA, leaf],
      at: NOW,
      sha1: false,
      subjectEmail: false,
    })
    if (!verdict.ok) throw new Error(verdict.failures[0].text)
    return verdict.path
  }
  const older = path(fixture('MSG9_Address_Old')[0])
  const newer = path(fixture('MSG9_Address_New')[0])
  const newestOfDomain = path(mint({ san: ['hisp.example'], from: '2026-11-01' }).certificate)

  test('address-bound first, then the latest notBefore, in whatever order they come', () => {
    for (const paths of [
      [older, newer, newestOfDomain],
      [newestOfDomain, newer, older],
      [newer, newestOfDomain, older],
    ]) {
      expect(chooseCertificate(paths)).toBe(newer)
    }
    expect(chooseCertificate([older, newestOfDomain])).toBe(older)
  })

  test('between equals the answer does not depend on the order', () => {
    const twins = [1, 2, 3].map(() => path(mint({ san: [lee] }).certificate))
    expect(chooseCertificate(twins)).toBe(chooseCertificate(twins.toReversed()))
  })

  test('none of none', () => {
    expect(chooseCertificate([])).toBeNull()
  })
})
