import { expect, test } from 'vitest'
import { believe } from '../../agent/trust/believe.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { AnchorSets, type CertificatePolicies, verifyCertificate } from '../../trust-anchors/index.ts'
import { address, NOW } from '../trust-anchors/judging.ts'

const LEE = 'dr.lee@hisp.example'
const UNTIL = new Date('2027-06-01T00:00:00Z')
const root = mint({ ca: true, key: 'root-a' })
const selfSigned = mint({ key: 'dr-lee', san: ['hisp.example'] })

type Asked = {
  to?: string
  policies?: CertificatePolicies
  missing?: readonly string[]
  anchors?: readonly Minted[]
}

/** What a certificate comes to for an address, with one certificate pinned to dr.lee's. */
async function verdictOn(
  leaf: Minted,
  pin: Minted,
  { to = LEE, policies = {}, missing = [], anchors = [root] }: Asked = {},
) {
  return await believe(
    'encrypt',
    address(to),
    leaf.certificate,
    {
      trust: {
        anchors: new AnchorSets([]),
        pinned: ({ key }) =>
          key === LEE ? [{ certificate: pin.certificate, actor: 'kim', until: UNTIL }] : [],
        hasPins: true,
      },
      anchors: anchors.map(({ certificate }) => certificate),
      missing,
      candidates: [pin.certificate],
      at: NOW,
    },
    {
      judge: async (purpose, partner, one, context) => verifyCertificate(purpose, partner, one, context),
      trust: () => Promise.reject(new Error('read by the caller')),
      policies,
      legacy: { sha1From: [], subjectEmail: false },
    },
  )
}

async function codes(...args: Parameters<typeof verdictOn>) {
  const verdict = await verdictOn(...args)
  return verdict.ok ? [] : verdict.failures.map(({ code, temporary }) => (temporary ? `${code}?` : code))
}

test('a pinned certificate is believed at its address, and at no other of its domain (TR-5)', async () => {
  expect(await codes(selfSigned, selfSigned)).toEqual([])
  expect(await codes(selfSigned, selfSigned, { to: 'dr.chen@hisp.example' })).toEqual(['UNKNOWN_ISSUER'])
})

test('it is an anchor for itself alone: what it issued is not believed', async () => {
  const ca = mint({ ca: true, key: 'root-b', subject: 'Pinned CA', san: ['hisp.example'] })
  const issued = mint({ key: 'dr-lee', san: [LEE], issuer: ca })
  expect(await codes(issued, ca)).toEqual(['UNKNOWN_ISSUER'])
})

test.each([
  ['CERT_EXPIRED', { from: '2024-01-01', to: '2025-01-01' }],
  ['CERT_NOT_BOUND', { san: ['other.example'] }],
  ['KEY_USAGE', { keyUsage: ['digitalSignature'] }],
  ['EXT_KEY_USAGE', { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }],
] as const)('a pin excuses from nothing else: %s (CERT-1 to 4)', async (code, options) => {
  const pinned = mint({ key: 'dr-lee', san: ['hisp.example'], ...options })
  expect(await codes(pinned, pinned)).toContain(code)
})

test('nor from the certificate policy of the configuration', async () => {
  expect(await codes(selfSigned, selfSigned, { policies: { encrypt: { minRsaBits: 3072 } } })).toEqual([
    'KEY_WEAK',
  ])
})

test('while a bundle is missing, the want of an anchor may pass (TR-4)', async () => {
  const unpinned = { to: 'dr.chen@hisp.example', missing: ['the bundle https://b.example was never had'] }
  expect(await codes(selfSigned, selfSigned, unpinned)).toEqual(['UNKNOWN_ISSUER?'])
})

test.each([
  ['pinned', [root], `it is pinned to ${LEE} by kim until 2027-06-01T00:00:00.000Z`],
  ['a trust anchor', [root, selfSigned], 'it is itself a trust anchor'],
])(
  'of a certificate that is itself %s, revocation is not asked, and that is said (CERT-7, TR-5)',
  async (_, anchors, how) => {
    const verdict = await verdictOn(selfSigned, selfSigned, { anchors })
    expect(verdict.ok && verdict.path.unchecked).toEqual(['revocation'])
    expect(verdict.ok && verdict.path.revocation).toMatchObject([
      {
        certificate: selfSigned.certificate,
        status: 'not-checked',
        text: `${how}; whether it is revoked is not asked`,
      },
    ])
  },
)
