import { afterEach, describe, expect, test, vi } from 'vitest'
import { certificatePolicies, nameConstraints, unknownCritical } from '../../fixtures/certificates.ts'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { Certificate, type PathRequest, validatePath } from '../../trust-anchors/index.ts'
import { encodeInteger, sequence } from '../../trust-anchors/x509/der-write.ts'
import { NOW } from './judging.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const root = mint({ ca: true, subject: 'Root', key: 'root-a' })
const ca = (options: MintOptions) =>
  mint({ ca: true, issuer: root, subject: 'Issuing CA', key: 'intermediate', ...options })
const leafUnder = (issuer: Minted, options: MintOptions = {}) =>
  mint({ issuer, san: ['d.example'], ...options })

/** `ok`, or the code; by default with `root` as the only anchor. */
function verdict(leaf: Minted, candidates: readonly Minted[], request: Partial<PathRequest> = {}): string {
  const result = validatePath({
    leaf: leaf.certificate,
    candidates: candidates.map(({ certificate }) => certificate),
    anchors: [root.certificate],
    at: NOW,
    settings: { sha1: false },
    ...request,
  })
  return result.ok ? 'ok' : result.failure.code
}

describe('a path is found (CERT-5)', () => {
  test('through intermediates in any order, beside certificates that have nothing to do with it', () => {
    const upper = ca({ subject: 'Upper' })
    const lower = ca({ subject: 'Lower', issuer: upper, key: 'root-b' })
    const leaf = leafUnder(lower)
    const stranger = mint({ ca: true, subject: 'Stranger', key: 'dr-lee' })
    const candidates = [stranger, lower, leaf, root, upper]
    expect(verdict(leaf, candidates)).toBe('ok')
    expect(verdict(leaf, candidates.toReversed())).toBe('ok')
    expect(verdict(leaf, [lower])).toBe('UNKNOWN_ISSUER')
  })

  test('names are compared as RFC 5280 7.1 asks: neither case nor the amount of blanks matters', () => {
    const upper = ca({ subject: 'Some  Issuing CA' })
    const respelled = { ...upper, certificate: ca({ subject: 'SOME Issuing ca ' }).certificate }
    expect(verdict(leafUnder(upper), [respelled])).toBe('ok')
  })

  test('past a same-named issuer with another key, and one that has expired', () => {
    const good = ca({})
    const otherKey = ca({ key: 'dr-lee' })
    const expired = ca({ to: '2026-02-01' })
    expect(verdict(leafUnder(good), [otherKey, expired, good])).toBe('ok')
    expect(verdict(leafUnder(good, { keyIdentifiers: false }), [otherKey, expired, good])).toBe('ok')
  })

  test('although an intermediate has certificatePolicies that are not critical', () => {
    const withPolicy = ca({ extensions: [certificatePolicies(false)] })
    expect(verdict(leafUnder(withPolicy), [withPolicy])).toBe('ok')
  })
})

describe('the most specific reason is told', () => {
  test.each<[string, MintOptions, string]>([
    ['an expired intermediate', { to: '2026-02-01' }, 'CERT_EXPIRED'],
    ['an intermediate of the future', { from: '2030-01-01' }, 'CERT_NOT_YET_VALID'],
    ['an issuer without CA:TRUE', { ca: false }, 'ISSUER_NOT_CA'],
    ['an issuer without keyCertSign', { keyUsage: ['cRLSign'] }, 'ISSUER_NOT_CA'],
    ['an intermediate with a forged signature', { forged: true }, 'BAD_SIGNATURE'],
    ['an intermediate signed with SHA-1', { digest: 'sha1' }, 'SIGNATURE_WEAK'],
    ['an intermediate signed with MD5', { digest: 'md5' }, 'SIGNATURE_WEAK'],
    ['name constraints', { extensions: [nameConstraints('d.example')] }, 'NOT_SUPPORTED'],
    [
      'name constraints that are not critical',
      { extensions: [{ ...nameConstraints('d.example'), critical: false }] },
      'NOT_SUPPORTED',
    ],
    ['an unknown critical extension', { extensions: [unknownCritical] }, 'NOT_SUPPORTED'],
    ['critical policies', { extensions: [certificatePolicies(true)] }, 'NOT_SUPPORTED'],
    [
      'inhibitAnyPolicy',
      { extensions: [{ oid: '2.5.29.54', critical: true, value: encodeInteger(0) }] },
      'NOT_SUPPORTED',
    ],
    [
      'policy constraints',
      { extensions: [{ oid: '2.5.29.36', critical: false, value: sequence() }] },
      'NOT_SUPPORTED',
    ],
    [
      'critical policy mappings',
      { extensions: [{ oid: '2.5.29.33', critical: true, value: sequence() }] },
      'NOT_SUPPORTED',
    ],
  ])('%s', (_, options, code) => {
    const issuer = ca(options)
    expect(verdict(leafUnder(issuer), [issuer])).toBe(code)
  })

  test('the same extensions of the leaf and of the anchor count as well', () => {
    expect(verdict(leafUnder(root, { extensions: [unknownCritical] }), [])).toBe('NOT_SUPPORTED')
    const constrained = mint({ ca: true, subject: 'Root', extensions: [nameConstraints('d.example')] })
    expect(verdict(leafUnder(constrained), [], { anchors: [constrained.certificate] })).toBe('NOT_SUPPORTED')
  })

  test('NOT_SUPPORTED names the extension', () => {
    const leaf = leafUnder(root, { extensions: [unknownCritical] }).certificate
    const result = validatePath({ leaf, candidates: [], anchors: [root.certificate], at: NOW })
    expect(result).toMatchObject({ failure: { text: expect.stringContaining('1.3.6.1.4.1.32473.1') } })
  })

  test('the leaf’s own dates, its signature, and no anchors at all', () => {
    expect(verdict(leafUnder(root, { to: '2026-02-01' }), [])).toBe('CERT_EXPIRED')
    expect(verdict(leafUnder(root, { from: '2030-01-01' }), [])).toBe('CERT_NOT_YET_VALID')
    expect(verdict(leafUnder(root, { forged: true }), [])).toBe('BAD_SIGNATURE')
    expect(verdict(leafUnder(root), [], { anchors: [] })).toBe('NO_ANCHORS')
  })

  test('an issuer of the same name whose key identifier is another’s is an unknown one, not a forgery', () => {
    expect(verdict(leafUnder(ca({})), [ca({ key: 'dr-lee' })])).toBe('UNKNOWN_ISSUER')
    expect(verdict(leafUnder(ca({}), { keyIdentifiers: false }), [ca({ key: 'dr-lee' })])).toBe(
      'BAD_SIGNATURE',
    )
  })
})

describe('path length (RFC 5280 4.2.1.9)', () => {
  test('the leaf is not counted, an intermediate is', () => {
    const none = ca({ pathLength: 0 })
    expect(verdict(leafUnder(none), [none])).toBe('ok')
    const below = ca({ subject: 'Below', issuer: none, key: 'root-b' })
    expect(verdict(leafUnder(below), [below, none])).toBe('PATH_LENGTH')
  })

  test('a self-issued intermediate is not counted', () => {
    const none = ca({ pathLength: 0 })
    const rollover = ca({ issuer: none, key: 'root-b' })
    expect(verdict(leafUnder(rollover), [rollover, none])).toBe('ok')
  })

  test('the anchor’s own binds too (CERT-5)', () => {
    const anchor = mint({ ca: true, subject: 'Root', pathLength: 0 })
    const below = ca({ issuer: anchor })
    const anchors = [anchor.certificate]
    expect(verdict(leafUnder(anchor), [], { anchors })).toBe('ok')
    expect(verdict(leafUnder(below), [below], { anchors })).toBe('PATH_LENGTH')
  })
})

describe('anchors (CERT-6)', () => {
  test('an intermediate may be an anchor; nothing above it is needed', () => {
    const anchor = ca({})
    expect(verdict(leafUnder(anchor), [], { anchors: [anchor.certificate] })).toBe('ok')
  })

  test('a renewed anchor with the same name and key is the same anchor', () => {
    const renewed = mint({ ca: true, subject: 'Root', key: 'root-a', from: '2026-06-01' })
    expect(verdict(leafUnder(root), [root], { anchors: [renewed.certificate] })).toBe('ok')
  })

  test('the same name and the same key identifier with another key is not', () => {
    const impostor = mint({ ca: true, subject: 'Root', key: 'root-b', keyIdentifiers: false })
    const stolen = { oid: '2.5.29.14', critical: false, value: encodedIdentifierOf(root.certificate) }
    const withStolenIdentifier = mint({
      ca: true,
      subject: 'Root',
      key: 'root-b',
      keyIdentifiers: false,
      extensions: [stolen],
    })
    expect(verdict(leafUnder(impostor), [impostor])).toBe('BAD_SIGNATURE')
    expect(verdict(leafUnder(withStolenIdentifier, { keyIdentifiers: false }), [withStolenIdentifier])).toBe(
      'BAD_SIGNATURE',
    )
  })

  test('a self-signed leaf is trusted only as that very certificate', () => {
    const self = mint({ san: ['d.example'], key: 'clinic-b' })
    const sameNameAndKey = mint({ san: ['d.example'], key: 'clinic-b' })
    expect(verdict(self, [self])).toBe('UNKNOWN_ISSUER')
    expect(verdict(self, [], { anchors: [self.certificate] })).toBe('ok')
    expect(verdict(self, [], { anchors: [sameNameAndKey.certificate] })).toBe('UNKNOWN_ISSUER')
  })

  test('a leaf that is an anchor vouches for nobody else', () => {
    const leaf = mint({ san: ['d.example'], key: 'clinic-b' })
    const below = leafUnder(leaf, { san: ['e.example'] })
    expect(verdict(below, [], { anchors: [leaf.certificate] })).toBe('ISSUER_NOT_CA')
  })

  test('an expired anchor is not used, not even for itself, and is reported', () => {
    const expired = mint({ ca: true, subject: 'Root', to: '2026-02-01' })
    expect(verdict(leafUnder(expired), [expired], { anchors: [expired.certificate] })).toBe('CERT_EXPIRED')
    expect(verdict(leafUnder(expired), [], { anchors: [expired.certificate, root.certificate] })).toBe('ok')
  })
})

describe('hostile chains end with a verdict (CERT-5)', () => {
  /** 12 CAs of the same name and key on each of 8 levels: 12^8 paths, none of which reaches an anchor. */
  function thicket(keyOf: (i: number) => MintOptions['key']): {
    leaf: Minted
    candidates: readonly Minted[]
  } {
    const candidates: Minted[] = []
    let below: Minted | undefined
    for (let level = 8; level >= 1; level--) {
      const above = mint({ ca: true, subject: `Level ${level - 1}`, key: 'intermediate' })
      const same = Array.from({ length: 12 }, (_, i) =>
        mint({ ca: true, issuer: above, subject: `Level ${level}`, key: keyOf(i) ?? 'intermediate' }),
      )
      candidates.push(...same)
      below ??= same[0] as Minted
    }
    return { leaf: leafUnder(below as Minted, { keyIdentifiers: false }), candidates }
  }

  test.each([
    ['all with the same key', () => 'intermediate' as const],
    ['with different keys', (i: number) => (['intermediate', 'root-b', 'dr-lee'] as const)[i % 3]],
  ])('12 CAs of one name on each of 8 levels, %s: WORK_LIMIT within 100 signature checks', (_, keyOf) => {
    const { leaf, candidates } = thicket(keyOf)
    const checks = vi.spyOn(Certificate.prototype, 'isSignedBy')
    expect(verdict(leaf, candidates)).toBe('WORK_LIMIT')
    expect(checks.mock.calls.length).toBeLessThanOrEqual(100)
  })

  test('CAs that issue each other end', () => {
    const one = ca({ subject: 'One', key: 'root-b' })
    const two = ca({ subject: 'Two', key: 'dr-lee', issuer: one })
    const oneByTwo = ca({ subject: 'One', key: 'root-b', issuer: two })
    const strangers = mint({ ca: true, subject: 'Other Root', key: 'clinic-b' })
    expect(verdict(leafUnder(two), [two, oneByTwo], { anchors: [strangers.certificate] })).toBe(
      'UNKNOWN_ISSUER',
    )
  })

  test('10 certificates are followed, 11 are not', () => {
    const line = (length: number) => {
      const cas: Minted[] = []
      for (let i = 0; i < length - 2; i++) cas.push(ca({ subject: `CA ${i}`, issuer: cas.at(-1) ?? root }))
      return verdict(leafUnder(cas.at(-1) as Minted), cas)
    }
    expect(line(10)).toBe('ok')
    expect(line(11)).toBe('WORK_LIMIT')
  })
})

function encodedIdentifierOf(certificate: Certificate): Uint8Array {
  const identifier = certificate.subjectKeyIdentifier as Uint8Array
  return Buffer.concat([Uint8Array.of(4, identifier.length), identifier])
}
