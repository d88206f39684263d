import fc from 'fast-check'
import type { Subtrees, TestName } from '../../../fixtures/extensions.ts'
import { type KeyName, type Minted, type MintOptions, mint } from '../../../fixtures/pki.ts'
import type { PathSettings } from '../../../trust-anchors/index.ts'
import { EMAIL_PROTECTION } from '../../../trust-anchors/x509/extensions.ts'
import { ANY_POLICY } from '../../../trust-anchors/x509/policies.ts'

/** One chain, from the root down, and what is asked of it. */
export interface Sample {
  readonly root: MintOptions
  readonly cas: readonly CaOptions[]
  readonly leaf: MintOptions
  readonly keys: readonly KeyName[]
  readonly wishes: Wishes
}

export type CaOptions = MintOptions & { readonly selfIssued?: boolean }

export type Wishes = Pick<
  PathSettings,
  'initialPolicySet' | 'requireExplicitPolicy' | 'inhibitPolicyMapping' | 'inhibitAnyPolicy'
>

export const NO_WISHES: Wishes = {
  initialPolicySet: [ANY_POLICY],
  requireExplicitPolicy: false,
  inhibitPolicyMapping: false,
  inhibitAnyPolicy: false,
}

/** Distinct, because a name and key twice is a loop, which only one of the two programs looks for. */
const CA_KEYS: readonly KeyName[] = ['root-a', 'root-b', 'intermediate', 'ec-p256', 'ec-p384']
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const [A, B] = ['1.2.3.1', '1.2.3.2'] as const

/** Mostly nothing, at times one of these. */
const anyOf = (weight: number, ...options: readonly MintOptions[]) =>
  fc.oneof({ weight, arbitrary: fc.constant<MintOptions>({}) }, fc.constantFrom(...options))

const dates = anyOf(14, { to: '2026-06-01' }, { from: '2027-01-01' })
const signatures = anyOf(
  4,
  { forged: true },
  { pss: true },
  { pss: true, digest: 'sha512' },
  { digest: 'sha1' },
  { digest: 'sha384' },
  { keyIdentifiers: false },
)
const rights = anyOf(
  16,
  { ca: false, extendedKeyUsage: null },
  { keyUsage: ['cRLSign'] },
  { keyUsage: null },
  { unknownCritical: true },
)
const pathLengths = anyOf(5, { pathLength: 0 }, { pathLength: 1 }, { pathLength: 2 })
const purposes = anyOf(
  10,
  { extendedKeyUsage: [EMAIL_PROTECTION] },
  { extendedKeyUsage: [SERVER_AUTH] },
  { extendedKeyUsage: [SERVER_AUTH, EMAIL_PROTECTION] },
)
const leafPurposes = anyOf(10, { extendedKeyUsage: null }, { extendedKeyUsage: [SERVER_AUTH] })

const NAMES: readonly TestName[] = [
  { dns: 'a.example' },
  { dns: 'B.a.example' },
  { dns: 'not-a.example' },
  { rfc822: 'lee@a.example' },
  { rfc822: 'kim@A.example' },
  { rfc822: 'lee@b.a.example' },
  { uri: 'https://a.example/x' },
  { uri: 'ldap://b.a.example:389' },
  { ip: '10.1.2.3' },
  { ip: '192.0.2.9' },
  { ip: '2001:db8::1' },
  {
    directory: [
      ['O', 'Org'],
      ['CN', 'Someone'],
    ],
  },
]
const BASES: readonly TestName[] = [
  { dns: 'a.example' },
  { dns: 'example' },
  { dns: 'b.a.example' },
  { rfc822: 'a.example' },
  { rfc822: '.a.example' },
  { rfc822: 'lee@a.example' },
  { uri: 'a.example' },
  { uri: '.a.example' },
  { ip: '10.0.0.0/8' },
  { ip: '192.0.2.0/29' },
  { ip: '2001:db8::/32' },
  { directory: [['O', 'Org']] },
  {
    directory: [
      ['O', 'ORG'],
      ['CN', 'Leaf of Org'],
    ],
  },
]
const subtrees: fc.Arbitrary<Subtrees> = fc
  .record({
    permitted: fc.subarray([...BASES], { maxLength: 5 }),
    excluded: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.subarray([...BASES], { maxLength: 2 })),
  })
  .filter(({ permitted, excluded }) => permitted.length + excluded.length > 0)
const constraints = sometimes(
  3,
  subtrees.map((nameConstraints) => ({ nameConstraints })),
)
const names = fc.record({
  altNames: fc.subarray([...NAMES], { minLength: 1, maxLength: 3 }),
  organisation: fc.constantFrom('Org', 'Org', 'org', 'Other'),
})

const policySets = fc.constantFrom<readonly string[]>([A], [A, B], [B], [ANY_POLICY], [A, ANY_POLICY])
const policies = fc.oneof(
  { weight: 1, arbitrary: fc.constant<MintOptions>({}) },
  { weight: 3, arbitrary: policySets.map((set): MintOptions => ({ policies: set })) },
)
const mappings = sometimes(
  4,
  fc
    .constantFrom<readonly (readonly [string, string])[]>(
      [[A, B]],
      [[B, A]],
      [
        [A, B],
        [B, A],
      ],
      [
        [A, A],
        [A, B],
      ],
      [[A, ANY_POLICY]],
    )
    .map((policyMappings) => ({ policyMappings })),
)
const skips = fc.constantFrom(0, 0, 1, 2)
const inhibitions = sometimes(
  3,
  fc.oneof(
    skips.map((n): MintOptions => ({ policyConstraints: { requireExplicitPolicy: n } })),
    skips.map((n): MintOptions => ({ policyConstraints: { inhibitPolicyMapping: n } })),
    skips.map((n): MintOptions => ({ inhibitAnyPolicy: n })),
  ),
)
const wishes: fc.Arbitrary<Wishes> = fc.record({
  initialPolicySet: fc.constantFrom([ANY_POLICY], [A], [B]),
  requireExplicitPolicy: fc.boolean(),
  inhibitPolicyMapping: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  inhibitAnyPolicy: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
})

function sometimes(weight: number, options: fc.Arbitrary<MintOptions>): fc.Arbitrary<MintOptions> {
  return fc.oneof({ weight, arbitrary: fc.constant<MintOptions>({}) }, { weight: 1, arbitrary: options })
}

const merged = (...parts: readonly fc.Arbitrary<MintOptions>[]): fc.Arbitrary<MintOptions> =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...all) as MintOptions)

const selfIssued = (weight: number) =>
  fc.oneof({ weight, arbitrary: fc.constant({}) }, fc.constant<CaOptions>({ selfIssued: true }))

/** What goes wrong most is asked about apart, since a chain with one fault says nothing about another. */
function chains(
  parts: { root?: fc.Arbitrary<MintOptions>; ca: fc.Arbitrary<CaOptions>; leaf: fc.Arbitrary<MintOptions> },
  asked: fc.Arbitrary<Wishes> = fc.constant(NO_WISHES),
): fc.Arbitrary<Sample> {
  return (
    fc
      .record({
        root: parts.root ?? fc.constant<MintOptions>({}),
        cas: fc.array(parts.ca, { maxLength: 4 }),
        leaf: parts.leaf,
        keys: fc.shuffledSubarray([...CA_KEYS], { minLength: CA_KEYS.length }),
        wishes: asked,
      })
      // Of two issuers with one name openssl tries only the likelier; without key identifiers it may pick wrongly.
      .filter(
        ({ cas, leaf }) =>
          !(cas.some((ca) => ca.selfIssued) && [...cas, leaf].some((one) => one.keyIdentifiers === false)),
      )
  )
}

export const KINDS: Readonly<Record<string, fc.Arbitrary<Sample>>> = {
  'rights, dates, lengths, purposes and signatures': chains({
    root: merged(dates, pathLengths),
    ca: merged(dates, signatures, rights, pathLengths, purposes, selfIssued(6)),
    leaf: merged(dates, signatures, leafPurposes),
  }),
  'name constraints': chains({
    root: constraints,
    ca: merged(
      constraints,
      selfIssued(4),
      fc.constantFrom<MintOptions>({ organisation: 'Org' }, { organisation: 'ORG' }, { organisation: 'Org' }),
    ),
    leaf: merged(names),
  }),
  policies: chains(
    { ca: merged(policies, mappings, inhibitions, selfIssued(4)), leaf: merged(policies, inhibitions) },
    wishes,
  ),
}

/** Root first. */
export function build({ root, cas, leaf, keys }: Sample): readonly [Minted, ...Minted[]] {
  const own = { ca: true, subject: 'Root of Org', organisation: 'Org', key: keys[0] ?? 'root-a' }
  const chain: [Minted, ...Minted[]] = [mint({ ...own, ...root })]
  const issue = (options: MintOptions) => {
    const issuer = chain.at(-1) as Minted
    chain.push(mint({ ...options, ...signableBy(issuer, options), issuer }))
  }
  let name = { subject: own.subject, organisation: own.organisation }
  for (const [i, { selfIssued, ...options }] of cas.entries()) {
    if (!selfIssued) name = { subject: `CA ${i} of Org`, organisation: options.organisation ?? 'Org' }
    issue({ ca: true, key: keys[i + 1] ?? 'root-b', ...options, ...name })
  }
  // A blank, lest openssl takes the common name for a host's.
  issue({ subject: 'Leaf of Org', san: leaf.altNames ? [] : ['d.example'], ...leaf })
  return chain
}

/** EC keys sign by ECDSA, with the digests that ALG names for them. */
function signableBy(issuer: Minted, { pss, digest }: MintOptions): MintOptions {
  if (issuer.certificate.key.type !== 'ec') return {}
  return { pss: false, digest: digest === 'sha384' && !pss ? digest : 'sha256' }
}
