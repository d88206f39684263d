/**
 * The cases of ONC's Direct Certificate Discovery Tool as a table: what is published where, and what must happen. The
 * name of a certificate says what it is (certificates.ts): of which case, published where, bound to an address (AB) or a
 * domain (DB), valid or not.
 */
import type { PlaceName } from '../../../dns/index.ts'
import type { CertificateCode } from '../../../trust-anchors/index.ts'

export type FixtureName = `D${number}_${'DNS' | 'LDAP' | 'LDAP1' | 'LDAP2'}_${'AB' | 'DB'}_${string}`
export type DirectoryName = 'LDAP1' | 'LDAP2' | 'LDAP3'
export type Search = `${DirectoryName} ${'address' | 'domain'}`
type Names = readonly FixtureName[]

/** What one case adds to its domain; what is not named is not there. */
export interface Published {
  readonly dnsAddress?: Names
  readonly dnsDomain?: Names
  /** Under the address, and under the domain, in these directories. */
  readonly ldapAddress?: Readonly<Partial<Record<DirectoryName, Names>>>
  readonly ldapDomain?: Readonly<Partial<Record<DirectoryName, Names>>>
}

export interface DcdtCase {
  readonly id: `D${number}`
  readonly domain: string
  readonly publishes: Published
  /** Where the search stops; null: nowhere, everything is absent. */
  readonly stopsAt: PlaceName | null
  /** The certificate chosen; null: nothing is sent. */
  readonly finds: FixtureName | null
  /** What else the deciding place holds, and the verdict on it. */
  readonly refuses?: Readonly<Record<FixtureName, CertificateCode>>
  /** Which directories are searched, and for what, in order. */
  readonly searches?: readonly Search[]
  /** Where nothing is sent: why, as the answer for the address says it. */
  readonly because?: CertificateCode | 'NO_CERTIFICATE' | 'LOOKUP_FAILED'
}

/** Of D1, D2, D5, D9, D14; of D3, D4, D7, D15; of D8, D16; and one for each of the others. */
const ONE = 'one.dcdt.example'
const TWO = 'two.dcdt.example'
const SIX = 'six.dcdt.example'
const EIGHT = 'eight.dcdt.example'
const TEN = 'ten.dcdt.example'
const ELEVEN = 'eleven.dcdt.example'
const TWELVE = 'twelve.dcdt.example'
const THIRTEEN = 'thirteen.dcdt.example'
const SEVENTEEN = 'seventeen.dcdt.example'
const EIGHTEEN = 'eighteen.dcdt.example'

/** Has no address. */
export const UNRESOLVABLE = 'unresolvable'

export interface SrvTarget {
  readonly priority: number
  readonly weight: number
  readonly target: DirectoryName | typeof UNRESOLVABLE
}

/** `_ldap._tcp` of each domain that has it. */
export const DIRECTORIES: Readonly<Record<string, readonly SrvTarget[]>> = {
  [ONE]: [{ priority: 0, weight: 0, target: 'LDAP1' }],
  [TWO]: [
    { priority: 0, weight: 0, target: 'LDAP1' },
    { priority: 1, weight: 0, target: 'LDAP2' },
  ],
  [EIGHT]: [
    { priority: 0, weight: 0, target: 'LDAP1' },
    { priority: 0, weight: 100, target: 'LDAP2' },
  ],
  [TEN]: [
    { priority: 0, weight: 0, target: UNRESOLVABLE },
    { priority: 1, weight: 0, target: 'LDAP3' },
  ],
  [TWELVE]: [{ priority: 0, weight: 0, target: UNRESOLVABLE }],
  [THIRTEEN]: [{ priority: 0, weight: 0, target: 'LDAP3' }],
}

export const CASES: readonly DcdtCase[] = [
  {
    id: 'D1',
    domain: ONE,
    publishes: {
      dnsAddress: ['D1_DNS_AB_Valid'],
      ldapAddress: { LDAP1: ['D1_LDAP_AB_Invalid'] },
      ldapDomain: { LDAP1: ['D1_LDAP_DB_Invalid'] },
    },
    stopsAt: 'dns-address',
    finds: 'D1_DNS_AB_Valid',
  },
  {
    id: 'D2',
    domain: ONE,
    publishes: { dnsDomain: ['D2_DNS_DB_Valid', 'D2_DNS_DB_Invalid'] },
    stopsAt: 'dns-domain',
    finds: 'D2_DNS_DB_Valid',
    refuses: { D2_DNS_DB_Invalid: 'CERT_EXPIRED' },
  },
  {
    id: 'D3',
    domain: TWO,
    publishes: { ldapAddress: { LDAP1: ['D3_LDAP_AB_Valid'] } },
    stopsAt: 'ldap-address',
    searches: ['LDAP1 address'],
    finds: 'D3_LDAP_AB_Valid',
  },
  {
    id: 'D4',
    domain: TWO,
    publishes: { ldapDomain: { LDAP1: ['D4_LDAP_DB_Valid', 'D4_LDAP_DB_Invalid'] } },
    stopsAt: 'ldap-domain',
    searches: ['LDAP1 address', 'LDAP2 address', 'LDAP1 domain'],
    finds: 'D4_LDAP_DB_Valid',
    refuses: { D4_LDAP_DB_Invalid: 'CERT_EXPIRED' },
  },
  {
    // The domain's own, of D2, is valid.
    id: 'D5',
    domain: ONE,
    publishes: { dnsAddress: ['D5_DNS_AB_Invalid'] },
    stopsAt: 'dns-address',
    finds: null,
    refuses: { D5_DNS_AB_Invalid: 'CERT_EXPIRED' },
    because: 'CERT_EXPIRED',
  },
  {
    id: 'D6',
    domain: SIX,
    publishes: { dnsDomain: ['D6_DNS_DB_Invalid'] },
    stopsAt: 'dns-domain',
    finds: null,
    refuses: { D6_DNS_DB_Invalid: 'CERT_EXPIRED' },
    because: 'CERT_EXPIRED',
  },
  {
    // The domain's own, of D4, is valid.
    id: 'D7',
    domain: TWO,
    publishes: { ldapAddress: { LDAP1: ['D7_LDAP_AB_Invalid'] } },
    stopsAt: 'ldap-address',
    searches: ['LDAP1 address'],
    finds: null,
    refuses: { D7_LDAP_AB_Invalid: 'CERT_EXPIRED' },
    because: 'CERT_EXPIRED',
  },
  {
    id: 'D8',
    domain: EIGHT,
    publishes: { ldapDomain: { LDAP1: ['D8_LDAP1_DB_Invalid'], LDAP2: ['D8_LDAP2_DB_Invalid'] } },
    stopsAt: 'ldap-domain',
    searches: ['LDAP2 address', 'LDAP1 address', 'LDAP2 domain'],
    finds: null,
    refuses: { D8_LDAP2_DB_Invalid: 'CERT_EXPIRED' },
    because: 'CERT_EXPIRED',
  },
  {
    id: 'D9',
    domain: ONE,
    publishes: { dnsAddress: ['D9_DNS_AB_Valid', 'D9_DNS_AB_Invalid'] },
    stopsAt: 'dns-address',
    finds: 'D9_DNS_AB_Valid',
    refuses: { D9_DNS_AB_Invalid: 'CERT_EXPIRED' },
  },
  {
    id: 'D10',
    domain: TEN,
    publishes: { ldapAddress: { LDAP3: ['D10_LDAP_AB_Valid'] } },
    stopsAt: 'ldap-address',
    searches: ['LDAP3 address'],
    finds: 'D10_LDAP_AB_Valid',
  },
  {
    id: 'D11',
    domain: ELEVEN,
    publishes: {},
    stopsAt: null,
    finds: null,
    because: 'NO_CERTIFICATE',
  },
  {
    // Every directory fails: what is in them is not known (DISC-7).
    id: 'D12',
    domain: TWELVE,
    publishes: {},
    stopsAt: 'ldap-address',
    finds: null,
    because: 'LOOKUP_FAILED',
  },
  {
    id: 'D13',
    domain: THIRTEEN,
    publishes: {},
    stopsAt: null,
    searches: ['LDAP3 address', 'LDAP3 domain'],
    finds: null,
    because: 'NO_CERTIFICATE',
  },
  {
    id: 'D14',
    domain: ONE,
    publishes: { dnsAddress: ['D14_DNS_AB_Valid'] },
    stopsAt: 'dns-address',
    finds: 'D14_DNS_AB_Valid',
  },
  {
    id: 'D15',
    domain: TWO,
    publishes: { ldapAddress: { LDAP1: ['D15_LDAP1_AB_Valid'], LDAP2: ['D15_LDAP2_AB_Invalid'] } },
    stopsAt: 'ldap-address',
    searches: ['LDAP1 address'],
    finds: 'D15_LDAP1_AB_Valid',
  },
  {
    id: 'D16',
    domain: EIGHT,
    publishes: { ldapAddress: { LDAP1: ['D16_LDAP1_AB_Valid'], LDAP2: ['D16_LDAP2_AB_Valid'] } },
    stopsAt: 'ldap-address',
    searches: ['LDAP2 address'],
    finds: 'D16_LDAP2_AB_Valid',
  },
  {
    id: 'D17',
    domain: SEVENTEEN,
    publishes: { dnsAddress: ['D17_DNS_AB_Revoked1', 'D17_DNS_AB_Revoked2', 'D17_DNS_AB_Valid'] },
    stopsAt: 'dns-address',
    finds: 'D17_DNS_AB_Valid',
    refuses: { D17_DNS_AB_Revoked1: 'CERT_REVOKED', D17_DNS_AB_Revoked2: 'CERT_REVOKED' },
  },
  {
    id: 'D18',
    domain: EIGHTEEN,
    publishes: { dnsAddress: ['D18_DNS_AB_Valid'] },
    stopsAt: 'dns-address',
    finds: 'D18_DNS_AB_Valid',
  },
]

export function addressOf({ id, domain }: DcdtCase): string {
  return `${id.toLowerCase()}@${domain}`
}

/** As DNS has it (DISC-2). */
export function ownerOf({ id, domain }: DcdtCase): string {
  return `${id.toLowerCase()}.${domain}`
}

export function caseNamed(id: DcdtCase['id']): DcdtCase {
  const found = CASES.find((one) => one.id === id)
  if (found === undefined) throw new Error(`there is no case ${id}`)
  return found
}
