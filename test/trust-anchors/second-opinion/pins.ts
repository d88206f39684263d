import { ANY_EXTENDED_KEY_USAGE } from '../../../trust-anchors/x509/extensions.ts'
import { ANY_POLICY } from '../../../trust-anchors/x509/policies.ts'
import { type CaOptions, NO_WISHES, type Sample } from './chains.ts'

/** Where `openssl verify` and we differ on purpose; `sample` shows it, and has to go on showing it. */
export interface Pin {
  readonly name: string
  /** The paragraph that decides for us. */
  readonly rfc: string
  readonly ours: boolean
  readonly sample: Sample
  /** Whether a generated chain may differ for this reason; absent: none is generated that could. */
  readonly covers?: (sample: Sample) => boolean
}

const sample = (parts: Partial<Sample>): Sample => ({
  root: {},
  cas: [{}],
  leaf: {},
  keys: ['root-a', 'intermediate'],
  wishes: NO_WISHES,
  ...parts,
})

const mapsAnyPolicy = ({ policies, policyMappings = [] }: CaOptions) =>
  policies === undefined && policyMappings.some((pair) => pair.includes(ANY_POLICY))

const SWAPPED = [
  ['1.2.3.1', '1.2.3.2'],
  ['1.2.3.2', '1.2.3.1'],
] as const

const swapsBelowAnyPolicy = ({ policies = [], policyMappings = [] }: CaOptions) =>
  policies.includes(ANY_POLICY) && JSON.stringify(policyMappings) === JSON.stringify(SWAPPED)

export const PINS: readonly Pin[] = [
  {
    name: 'a wildcard under an excluded name that it stands for is refused',
    rfc: 'RFC 5280 4.2.1.10: a name within an excluded subtree is invalid, and RFC 6125 6.4.3 lets *.a.example be b.a.example',
    ours: false,
    sample: sample({
      root: { nameConstraints: { excluded: [{ dns: 'b.a.example' }] } },
      leaf: { altNames: [{ dns: '*.a.example' }] },
    }),
  },
  {
    name: 'a dNSName constraint with a leading dot is refused',
    rfc: 'RFC 5280 4.2.1.10: DNS name restrictions are expressed as host.example.com; the period is for URIs and rfc822Names',
    ours: false,
    sample: sample({
      root: { nameConstraints: { permitted: [{ dns: '.example' }] } },
      leaf: { altNames: [{ dns: 'a.example' }] },
    }),
  },
  {
    name: 'an excluded mailbox is excluded in any case of its local part',
    rfc: 'RFC 5280 7.5 tells local parts apart by case; a mailbox is found without (MSG-13), so the exclusion has to be too',
    ours: false,
    sample: sample({
      root: { nameConstraints: { excluded: [{ rfc822: 'Lee@a.example' }] } },
      leaf: { altNames: [{ rfc822: 'lee@a.example' }] },
    }),
  },
  {
    name: 'anyExtendedKeyUsage allows e-mail as well',
    rfc: 'RFC 5280 4.2.1.12: a CA includes it to satisfy applications that require a particular purpose (CERT-4)',
    ours: true,
    sample: sample({ leaf: { extendedKeyUsage: [ANY_EXTENDED_KEY_USAGE] } }),
  },
  {
    name: 'a mapping to anyPolicy is refused in a CA without policies too',
    rfc: 'RFC 5280 6.1.4 (a): if a policy mappings extension is present, verify that anyPolicy does not appear in it',
    ours: false,
    sample: sample({ cas: [{ policyMappings: [['1.2.3.1', ANY_POLICY]] }] }),
    covers: ({ cas }) => cas.some(mapsAnyPolicy),
  },
  {
    name: 'two policies that a CA swaps keep the names that they have above it',
    rfc: 'RFC 5280 6.1.4 (b)(1) and 6.1.5 (g): of anyPolicy and a mapping from A to B, B below is A above, not B',
    ours: true,
    sample: sample({
      cas: [{ policies: [ANY_POLICY], policyMappings: SWAPPED }, { policies: [ANY_POLICY] }],
      leaf: { policies: ['1.2.3.2'] },
      keys: ['root-a', 'root-b', 'intermediate'],
      wishes: { ...NO_WISHES, initialPolicySet: ['1.2.3.1'], requireExplicitPolicy: true },
    }),
    covers: ({ cas }) => cas.some(swapsBelowAnyPolicy),
  },
]
