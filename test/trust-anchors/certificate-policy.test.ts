import { describe, expect, test } from 'vitest'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import {
  type CertificatePolicies,
  type CertificatePolicy,
  ownPolicyFailures,
  verifyCertificate,
} from '../../trust-anchors/index.ts'
import { address, NOW } from './judging.ts'

const LEE = address('dr.lee@hisp.example')
const LOW = '1.3.6.1.4.1.41179.0.1.1'
const HIGH = '1.3.6.1.4.1.41179.0.1.2'
const root = mint({ ca: true, key: 'root-a', subject: 'Test Root A' })
const issuing = (options: MintOptions = {}) =>
  mint({ ca: true, key: 'intermediate', subject: 'Test Issuing CA', issuer: root, ...options })
const leaf = (options: MintOptions = {}) =>
  mint({ key: 'dr-lee', san: ['hisp.example'], issuer: root, ...options })

/** What `encrypt` comes to under a policy, and nothing else said. */
function judged(
  one: ReturnType<typeof leaf>,
  policies: CertificatePolicies,
  { candidates = [], anchors = [root] }: Record<string, ReturnType<typeof leaf>[]> = {},
) {
  const verdict = verifyCertificate('encrypt', LEE, one.certificate, {
    candidates: candidates.map(({ certificate }) => certificate),
    anchors: anchors.map(({ certificate }) => certificate),
    at: NOW,
    sha1: false,
    subjectEmail: false,
    policies,
  })
  return verdict.ok ? [] : verdict.failures
}

describe('a certificate policy of the configuration, for certificates that we encrypt to (DISC-10)', () => {
  test('asks for every key usage that it names; without keyUsage all are allowed', () => {
    const encrypt: CertificatePolicy = { keyUsage: ['keyEncipherment', 'dataEncipherment'] }
    expect(judged(leaf({ keyUsage: ['keyEncipherment'] }), { encrypt })).toMatchObject([
      { code: 'KEY_USAGE', text: expect.stringMatching(/does not allow dataEncipherment,/) },
    ])
    expect(judged(leaf({ keyUsage: ['keyEncipherment', 'dataEncipherment'] }), { encrypt })).toEqual([])
    expect(judged(leaf({ keyUsage: null }), { encrypt })).toEqual([])
  })

  test('asks for longer RSA keys than the protocol does', () => {
    expect(judged(leaf(), { encrypt: { minRsaBits: 3072 } })).toMatchObject([
      { code: 'KEY_WEAK', text: expect.stringMatching(/2048 bits.* asks for 3072/) },
    ])
    expect(judged(leaf(), { encrypt: { minRsaBits: 2048 } })).toEqual([])
  })

  test('asks for one of some policies in the whole path, as RFC 5280 6.1 decides it', () => {
    const encrypt: CertificatePolicy = { policies: [HIGH] }
    const above = { candidates: [issuing({ policies: [LOW, HIGH] })] }
    const below = (policies: readonly string[]) =>
      leaf({ issuer: issuing({ policies: [LOW, HIGH] }), policies })
    expect(judged(below([HIGH]), { encrypt }, above)).toEqual([])
    expect(judged(below([LOW]), { encrypt }, above)).toMatchObject([{ code: 'POLICY' }])
    expect(judged(leaf(), { encrypt })).toMatchObject([{ code: 'POLICY' }])
    // The leaf names it, and its CA may not.
    expect(judged(below([HIGH]), { encrypt }, { candidates: [issuing({ policies: [LOW] })] })).toMatchObject([
      { code: 'POLICY' },
    ])
  })

  test('asks for an issuer in the path above, and says who is there instead', () => {
    const other = mint({ ca: true, key: 'root-b', subject: 'Test Root B' })
    const asks = (one: ReturnType<typeof mint>) => ({ encrypt: { issuers: [one.certificate] } })
    const below = leaf({ issuer: issuing() })
    const above = { candidates: [issuing()] }
    expect(judged(below, asks(issuing()), above)).toEqual([])
    expect(judged(below, asks(root), above)).toEqual([])
    expect(judged(below, asks(other), above)).toMatchObject([
      { code: 'POLICY', text: expect.stringMatching(/Test Issuing CA.*Test Root A.*Test Root B/) },
    ])
    // Of the same name with another key is somebody else.
    expect(
      judged(below, asks(mint({ ca: true, key: 'root-b', subject: 'Test Root A' })), above),
    ).toMatchObject([{ code: 'POLICY' }])
  })

  test('binds a certificate that is itself an anchor as well: nobody is above it', () => {
    const one = leaf()
    expect(judged(one, { encrypt: { issuers: [root.certificate] } }, { anchors: [one] })).toMatchObject([
      { code: 'POLICY', text: expect.stringContaining('nobody') },
    ])
  })

  test('searches on where the first path leads over others than the issuer that is asked for', () => {
    const other = mint({ ca: true, key: 'root-b', subject: 'Test Root B' })
    const [ours, theirs] = [issuing(), issuing({ issuer: other })]
    const below = leaf({ issuer: ours })
    for (const [asked, candidates] of [
      [root, [theirs, ours]],
      [other, [ours, theirs]],
    ] as const)
      expect(
        judged(
          below,
          { encrypt: { issuers: [asked.certificate] } },
          { candidates: [...candidates], anchors: [root, other] },
        ),
      ).toEqual([])
  })

  test('finds the issuer above an anchor that is an intermediate, below another anchor (CERT-6)', () => {
    const between = issuing()
    const encrypt = { issuers: [root.certificate] }
    expect(judged(leaf({ issuer: between }), { encrypt }, { anchors: [between, root] })).toEqual([])
    expect(judged(leaf({ issuer: between }), { encrypt }, { anchors: [between] })).toMatchObject([
      { code: 'POLICY', text: expect.stringMatching(/leads over CN=Test Issuing CA; .*Test Root A/) },
    ])
  })

  test('a certificate that is an anchor itself, as a pinned one is, may have the issuer above it all the same (TR-5)', () => {
    const one = leaf()
    const encrypt = { issuers: [root.certificate] }
    expect(judged(one, { encrypt }, { anchors: [one, root] })).toEqual([])
  })

  test('takes the file that names the issuer for a candidate, and never for an anchor', () => {
    const between = issuing()
    const below = leaf({ issuer: between })
    const encrypt = { issuers: [between.certificate] }
    expect(judged(below, { encrypt })).toEqual([])
    const other = mint({ ca: true, key: 'root-b', subject: 'Test Root B' })
    expect(judged(below, { encrypt }, { anchors: [other] })).toMatchObject([{ code: 'UNKNOWN_ISSUER' }])
  })

  test('leaves signers and our own alone, as theirs leave it', () => {
    const strict: CertificatePolicy = { minRsaBits: 4096 }
    expect(judged(leaf(), { verify: strict, own: strict })).toEqual([])
  })
})

describe('a certificate policy for our own certificates', () => {
  const own = (
    one: ReturnType<typeof leaf>,
    policy: CertificatePolicy,
    chain: ReturnType<typeof leaf>[] = [],
  ) =>
    ownPolicyFailures(
      one.certificate,
      chain.map(({ certificate }) => certificate),
      policy,
      NOW,
    )

  test('asks for key usage and key length', () => {
    const failures = own(leaf({ keyUsage: ['digitalSignature'] }), {
      keyUsage: ['keyEncipherment'],
      minRsaBits: 3072,
    })
    expect(failures.map(({ code }) => code)).toEqual(['KEY_USAGE', 'KEY_WEAK'])
  })

  test('asks that the certificate itself names one of the policies, or any', () => {
    expect(own(leaf({ policies: [LOW] }), { policies: [HIGH] })).toMatchObject([
      { code: 'POLICY', text: expect.stringMatching(`names ${LOW};.* asks for ${HIGH}`) },
    ])
    expect(own(leaf(), { policies: [HIGH] })).toMatchObject([
      { text: expect.stringContaining('no certificate policy') },
    ])
    expect(own(leaf({ policies: [LOW, HIGH] }), { policies: [HIGH] })).toEqual([])
    expect(own(leaf({ policies: ['2.5.29.32.0'] }), { policies: [HIGH] })).toEqual([])
  })

  test('asks for an issuer, over the chain that came with it', () => {
    const issuers = [root.certificate]
    expect(own(leaf({ issuer: issuing() }), { issuers }, [issuing()])).toEqual([])
    expect(own(leaf({ issuer: issuing() }), { issuers })).toMatchObject([
      { code: 'POLICY', text: expect.stringContaining('Test Root A') },
    ])
  })
})
