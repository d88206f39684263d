import { describe, expect, test } from 'vitest'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { Certificate, parseCertificate } from '../../trust-anchors/index.ts'
import { basicConstraints, issueCertificate } from '../../trust-anchors/issue/issue.ts'
import { sequence } from '../../trust-anchors/x509/der-write.ts'
import { EMAIL_PROTECTION } from '../../trust-anchors/x509/extensions.ts'
import { ANY_POLICY } from '../../trust-anchors/x509/policies.ts'
import { ca, judge, leafUnder, root, verdict, withSettings } from './paths.ts'

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
const LOW = '1.3.6.1.4.1.32473.10'
const HIGH = '1.3.6.1.4.1.32473.20'
const permitted = (dns: string): MintOptions => ({ nameConstraints: { permitted: [{ dns }] } })

describe('name constraints of a path (CERT-5)', () => {
  test('what one CA permits and another excludes is outside', () => {
    const upper = ca({ subject: 'Upper', ...permitted('example') })
    const lower = ca({ issuer: upper, key: 'root-b', nameConstraints: { excluded: [{ dns: 'd.example' }] } })
    expect(verdict(leafUnder(lower), [lower, upper])).toBe('NAME_CONSTRAINT')
    expect(verdict(leafUnder(lower, { san: ['e.example'] }), [lower, upper])).toBe('ok')
  })

  test('bind CAs with names too, but not self-issued ones, and the leaf even if it is self-issued', () => {
    const constrained = ca({ subject: 'Constrained', ...permitted('d.example') })
    const outside = ca({ issuer: constrained, key: 'root-b', altNames: [{ dns: 'e.example' }] })
    expect(verdict(leafUnder(outside), [outside, constrained])).toBe('NAME_CONSTRAINT')
    const selfIssued = ca({
      issuer: constrained,
      subject: 'Constrained',
      key: 'root-b',
      altNames: [{ dns: 'e.example' }],
    })
    expect(verdict(leafUnder(selfIssued), [selfIssued, constrained])).toBe('ok')
    const leaf = leafUnder(constrained, { subject: 'Constrained', san: ['e.example'] })
    expect(verdict(leaf, [constrained])).toBe('NAME_CONSTRAINT')
  })

  test('the anchor’s own bind as well', () => {
    const anchor = mint({ ca: true, subject: 'Root', ...permitted('e.example') })
    expect(verdict(leafUnder(anchor), [], { anchors: [anchor] })).toBe('NAME_CONSTRAINT')
    expect(verdict(leafUnder(anchor, { san: ['e.example'] }), [], { anchors: [anchor] })).toBe('ok')
  })

  test('the failure says which name, and whose constraints they are', () => {
    const constrained = ca({ subject: 'Constrained', ...permitted('e.example') })
    expect(judge(leafUnder(constrained), [constrained])).toMatchObject({
      failure: {
        text: 'the certificate has the domain d.example, which is not among those permitted by the CA certificate CN=Constrained',
      },
    })
  })

  test('a path that they refuse does not hide one that they allow', () => {
    const issuer = { subject: 'Issuing CA', key: 'intermediate' } as const
    const narrow = ca({ ...issuer, ...permitted('e.example') })
    const wide = ca({ ...issuer, keyIdentifiers: false })
    expect(verdict(leafUnder(wide), [narrow, wide])).toBe('ok')
    expect(verdict(leafUnder(wide), [wide, narrow])).toBe('ok')
  })

  test('by the legacy switch the common name is a name, so it is constrained too (CERT-1)', () => {
    const constrained = ca({ subject: 'Constrained', ...permitted('d.example') })
    const leaf = leafUnder(constrained, { subject: 'e.example' })
    expect(verdict(leaf, [constrained])).toBe('ok')
    expect(verdict(leaf, [constrained], withSettings({ subjectNames: true }))).toBe('NAME_CONSTRAINT')
  })
})

describe('policies of a path (CERT-5)', () => {
  const high = ca({ policies: [HIGH] })
  const asked = (policy: string) => withSettings({ initialPolicySet: [policy], requireExplicitPolicy: true })

  test('one that is asked for must be in every certificate below the anchor', () => {
    expect(verdict(leafUnder(high, { policies: [HIGH, LOW] }), [high], asked(HIGH))).toBe('ok')
    expect(verdict(leafUnder(high, { policies: [HIGH, LOW] }), [high], asked(LOW))).toBe('POLICY')
    expect(verdict(leafUnder(high, { policies: [LOW] }), [high], asked(HIGH))).toBe('POLICY')
    expect(verdict(leafUnder(high), [high], asked(HIGH))).toBe('POLICY')
  })

  test('nothing is asked for by default', () => {
    expect(verdict(leafUnder(high, { policies: [LOW] }), [high])).toBe('ok')
  })

  test('a mapping leads from one domain’s policy to the other’s, unless mappings are inhibited', () => {
    const mapping = ca({ policies: [HIGH], policyMappings: [[HIGH, LOW]] })
    const leaf = leafUnder(mapping, { policies: [LOW] })
    const settings = { initialPolicySet: [HIGH], requireExplicitPolicy: true }
    expect(verdict(leaf, [mapping], withSettings(settings))).toBe('ok')
    expect(verdict(leaf, [mapping], withSettings({ ...settings, inhibitPolicyMapping: true }))).toBe('POLICY')
  })

  test('anyPolicy stands for the one that is asked for, unless it is inhibited', () => {
    const any = ca({ policies: [ANY_POLICY] })
    const leaf = leafUnder(any, { policies: [HIGH] })
    const settings = { initialPolicySet: [HIGH], requireExplicitPolicy: true }
    expect(verdict(leaf, [any], withSettings(settings))).toBe('ok')
    expect(verdict(leaf, [any], withSettings({ ...settings, inhibitAnyPolicy: true }))).toBe('POLICY')
  })

  test.each<[string, MintOptions, string]>([
    ['its policy constraints bind', { policyConstraints: { requireExplicitPolicy: 0 } }, 'POLICY'],
    ['they bind from as far down as they say', { policyConstraints: { requireExplicitPolicy: 3 } }, 'ok'],
    ['its policies do not: it is no certificate of the path', { policies: [HIGH] }, 'ok'],
  ])('of the anchor’s own certificate: %s', (_, options, expected) => {
    const anchor = mint({ ca: true, subject: 'Root', ...options })
    const issuer = ca({ issuer: anchor, policies: [LOW] })
    expect(verdict(leafUnder(issuer), [issuer], { anchors: [anchor] })).toBe(expected)
  })

  test('the anchor’s own inhibitAnyPolicy binds', () => {
    const anchor = mint({ ca: true, subject: 'Root', inhibitAnyPolicy: 0 })
    const issuer = ca({ issuer: anchor, policies: [ANY_POLICY] })
    const leaf = leafUnder(issuer, { policies: [HIGH] })
    expect(verdict(leaf, [issuer], { anchors: [anchor], ...asked(HIGH) })).toBe('POLICY')
  })

  test('an anchor that is the leaf itself is judged by its own policies', () => {
    const self = mint({ san: ['d.example'], policies: [LOW] })
    expect(verdict(self, [], { anchors: [self], ...asked(LOW) })).toBe('ok')
    expect(verdict(self, [], { anchors: [self], ...asked(HIGH) })).toBe('POLICY')
  })
})

describe('extended key usages of CAs (RFC 5280 4.2.1.12)', () => {
  test.each<[string, readonly string[] | null, string]>([
    ['none: all purposes', null, 'ok'],
    ['the one that is asked for', [CODE_SIGNING, EMAIL_PROTECTION], 'ok'],
    ['anyExtendedKeyUsage', ['2.5.29.37.0'], 'ok'],
    ['others alone', [CODE_SIGNING], 'EXT_KEY_USAGE'],
  ])('%s', (_, extendedKeyUsage, expected) => {
    const issuer = ca({ extendedKeyUsage })
    expect(verdict(leafUnder(issuer), [issuer])).toBe(expected)
    const anchor = mint({ ca: true, subject: 'Root', extendedKeyUsage })
    expect(verdict(leafUnder(anchor), [], { anchors: [anchor] })).toBe(expected)
  })
})

describe('the anchor’s own certificate (CERT-5, CERT-6)', () => {
  test('with an unknown critical extension leads nowhere, and harms no other path', () => {
    const odd = mint({ ca: true, subject: 'Root', unknownCritical: true })
    expect(verdict(leafUnder(odd), [], { anchors: [odd] })).toBe('UNKNOWN_CRITICAL_EXTENSION')
    expect(verdict(leafUnder(odd), [], { anchors: [odd, root] })).toBe('ok')
  })

  test('without a name is no issuer', () => {
    const certificate = parseCertificate(
      issueCertificate({
        ...root.certificate,
        issuer: sequence(),
        subject: sequence(),
        extensions: [basicConstraints(true)],
        signingKey: root.privateKey,
        digest: 'sha256',
      }),
    )
    if (!(certificate instanceof Certificate)) throw new Error(certificate.text)
    const nameless = { ...root, certificate }
    expect(verdict(leafUnder(nameless), [], { anchors: [nameless] })).toBe('ISSUER_NOT_CA')
  })
})

describe('how many intermediates (max_depth)', () => {
  const upper = ca({ subject: 'Upper' })
  const lower = ca({ subject: 'Lower', issuer: upper, key: 'root-b' })
  const rollover = ca({ subject: 'Upper', issuer: upper, key: 'dr-lee' })
  const atMost = (maxIntermediates: number) => withSettings({ maxIntermediates })

  test('the anchor and self-issued ones are not counted', () => {
    expect(verdict(leafUnder(root), [], atMost(0))).toBe('ok')
    expect(verdict(leafUnder(upper), [upper], atMost(0))).toBe('PATH_LENGTH')
    expect(verdict(leafUnder(lower), [lower, upper], atMost(2))).toBe('ok')
    expect(verdict(leafUnder(lower), [lower, upper], atMost(1))).toBe('PATH_LENGTH')
    expect(verdict(leafUnder(rollover), [rollover, upper], atMost(1))).toBe('ok')
  })
})

describe('signatures (ALG)', () => {
  test.each<[string, MintOptions]>([
    ['RSA with SHA-384', { digest: 'sha384' }],
    ['RSA-PSS with SHA-256', { pss: true }],
    ['RSA-PSS with SHA-512', { pss: true, digest: 'sha512' }],
  ])('%s is accepted', (_, options) => {
    expect(verdict(leafUnder(root, options), [])).toBe('ok')
    expect(verdict(leafUnder(root, { ...options, forged: true }), [])).toBe('BAD_SIGNATURE')
  })

  test.each(['ec-p256', 'ec-p384'] as const)('of an %s CA is accepted', (key) => {
    const issuer = ca({ key })
    expect(verdict(leafUnder(issuer), [issuer])).toBe('ok')
  })

  test('a CA’s RSA key of 1024 bits is too weak for Direct, and no matter of RFC 5280', () => {
    const issuer = ca({ key: 'rsa-1024' })
    expect(verdict(leafUnder(issuer), [issuer])).toBe('ok')
    expect(judge(leafUnder(issuer), [issuer], withSettings({ signatureAlgorithms: 'direct' }))).toMatchObject(
      {
        failure: {
          code: 'KEY_WEAK',
          text: 'the RSA key of the CA certificate CN=Issuing CA has 1024 bits; 2048 are the least',
        },
      },
    )
  })

  test('RSA-PSS with SHA-1 is as weak as RSA with SHA-1', () => {
    const leaf = leafUnder(root, { pss: true, digest: 'sha1' })
    expect(verdict(leaf)).toBe('SIGNATURE_WEAK')
    expect(verdict(leaf, [], withSettings({ sha1: true }))).toBe('ok')
  })
})
