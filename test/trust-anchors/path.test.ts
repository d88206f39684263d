import { describe, expect, test } from 'vitest'
import { certificatePolicies, nameConstraints } from '../../fixtures/extensions.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { type Attempt, type Certificate, validatePath } from '../../trust-anchors/index.ts'
import { sequence } from '../../trust-anchors/x509/der-write.ts'
import { ANY_POLICY } from '../../trust-anchors/x509/policies.ts'
import { NOW } from './judging.ts'
import { ca, leafUnder, root, verdict } from './paths.ts'

const OTHER_DOMAIN = { permitted: [{ dns: 'e.example' }] }
const BROKEN_CONSTRAINTS = { oid: '2.5.29.30', critical: true, value: sequence() }
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'

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
    const withPolicy = ca({ extensions: [certificatePolicies(['2.23.140.1.5.1.1'])] })
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
    ['name constraints that leave the leaf out', { nameConstraints: OTHER_DOMAIN }, 'NAME_CONSTRAINT'],
    [
      'name constraints that are not critical',
      { extensions: [{ ...nameConstraints(OTHER_DOMAIN), critical: false }] },
      'NAME_CONSTRAINT',
    ],
    ['name constraints that cannot be read', { extensions: [BROKEN_CONSTRAINTS] }, 'NAME_CONSTRAINT'],
    ['an unknown critical extension', { unknownCritical: true }, 'UNKNOWN_CRITICAL_EXTENSION'],
    ['an explicit policy that is required', { policyConstraints: { requireExplicitPolicy: 0 } }, 'POLICY'],
    ['anyPolicy that is mapped', { policyMappings: [[ANY_POLICY, '1.3.6.1.4.1.32473.2']] }, 'POLICY'],
    ['an extended key usage for other purposes', { extendedKeyUsage: [CODE_SIGNING] }, 'EXT_KEY_USAGE'],
  ])('%s', (_, options, code) => {
    const issuer = ca(options)
    expect(verdict(leafUnder(issuer), [issuer])).toBe(code)
  })

  test('what no path can mend is told of the leaf alone, and nothing is looked for', () => {
    const attempts: Attempt[] = []
    const leaf = leafUnder(root, { unknownCritical: true }).certificate
    const request = { leaf, candidates: [], anchors: [root.certificate], at: NOW }
    const result = validatePath({ ...request, trace: (attempt) => void attempts.push(attempt) })
    expect(result).toMatchObject({
      failure: {
        code: 'UNKNOWN_CRITICAL_EXTENSION',
        text: 'the certificate has a critical extension that is not known here (1.3.6.1.4.1.32473.1)',
      },
      work: { signatures: 0, steps: 0 },
    })
    expect(attempts).toMatchObject([{ issuer: null, failure: { code: 'UNKNOWN_CRITICAL_EXTENSION' } }])
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
    const anchors = [anchor]
    expect(verdict(leafUnder(anchor), [], { anchors })).toBe('ok')
    expect(verdict(leafUnder(below), [below], { anchors })).toBe('PATH_LENGTH')
  })
})

describe('anchors (CERT-6)', () => {
  test('an intermediate may be an anchor; nothing above it is needed', () => {
    const anchor = ca({})
    expect(verdict(leafUnder(anchor), [], { anchors: [anchor] })).toBe('ok')
  })

  test('a renewed anchor with the same name and key is the same anchor', () => {
    const renewed = mint({ ca: true, subject: 'Root', key: 'root-a', from: '2026-06-01' })
    expect(verdict(leafUnder(root), [root], { anchors: [renewed] })).toBe('ok')
  })

  test('a renewed certificate of an anchor that has expired does not revive it', () => {
    const ended = mint({ ca: true, subject: 'Root', key: 'root-a', to: '2026-02-01' })
    expect(verdict(leafUnder(root), [root], { anchors: [ended] })).toBe('CERT_EXPIRED')
  })

  test('an intermediate that was an anchor until it expired is one like others, renewed under another anchor', () => {
    const ended = ca({ to: '2026-02-01' })
    const renewed = ca({})
    expect(verdict(leafUnder(renewed), [renewed], { anchors: [ended, root] })).toBe('ok')
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
    expect(verdict(self, [], { anchors: [self] })).toBe('ok')
    expect(verdict(self, [], { anchors: [sameNameAndKey] })).toBe('UNKNOWN_ISSUER')
  })

  test('a leaf that is an anchor vouches for nobody else', () => {
    const leaf = mint({ san: ['d.example'], key: 'clinic-b' })
    const below = leafUnder(leaf, { san: ['e.example'] })
    expect(verdict(below, [], { anchors: [leaf] })).toBe('ISSUER_NOT_CA')
  })

  test('an expired anchor is not used, not even for itself, and is reported', () => {
    const expired = mint({ ca: true, subject: 'Root', to: '2026-02-01' })
    expect(verdict(leafUnder(expired), [expired], { anchors: [expired] })).toBe('CERT_EXPIRED')
    expect(verdict(leafUnder(expired), [], { anchors: [expired, root] })).toBe('ok')
  })
})

function encodedIdentifierOf(certificate: Certificate): Uint8Array {
  const identifier = certificate.subjectKeyIdentifier as Uint8Array
  return Buffer.concat([Uint8Array.of(4, identifier.length), identifier])
}
