import { X509Certificate } from 'node:crypto'
import { parseAddress } from '../../../agent/address.ts'
import { addressOwner, isDnsName } from '../../names.ts'
import { showSrv } from '../../records/srv-record.ts'
import { apexOfIdentity, ownerOfIdentity } from '../owner.ts'
import { fingerprint, type PublishedRecord } from '../published.ts'
import type { ZoneEntry } from '../zone.ts'
import type { Expectation, ExpectedValue } from './types.ts'

export interface ExpectedContent {
  /** What must be visible. */
  readonly records: readonly PublishedRecord[]
  /** The same certificates, as directories hold them. */
  readonly entries: readonly ZoneEntry[]
  /** Certificates of ours that nobody is to encrypt to any more, and whose they are. */
  readonly former: readonly ZoneEntry[]
  /** Addresses of ours: one without a certificate of its own must publish none, or it hides its domain's (D5). */
  readonly addresses: readonly string[]
  /** Whether directories hold them too. */
  readonly inDirectories: boolean
}

/**
 * The questions to ask, and what their answers must be. Of CERT and SRV alone: that is what the search of strangers reads.
 * Whether SOA, NS, MX and addresses are these or others is the business of whoever runs the zone.
 */
export function expectationsOf(content: ExpectedContent): readonly Expectation[] {
  const { records, entries, inDirectories } = content
  const sets = Map.groupBy(
    records.filter(({ record }) => record.type === 'CERT' || record.type === 'SRV'),
    ({ record }) => `${record.type} ${record.name}`,
  )
  const dns = [...sets.values()].map((set) => dnsSet(set, content.former))
  const people = inDirectories ? Map.groupBy(entries, ({ name }) => name) : new Map<string, ZoneEntry[]>()
  const ldap = [...people].map(([name, its]) => directorySet(name, its, content.former))
  return [...dns, ...mustBeEmpty(content, dns), ...ldap]
}

const NONE: ReadonlySet<string> = new Set()

function dnsSet(set: readonly PublishedRecord[], former: readonly ZoneEntry[]): Expectation {
  const { record, domain, for: whom } = set[0] as PublishedRecord
  const { name } = record
  return {
    name,
    type: record.type === 'SRV' ? 'SRV' : 'CERT',
    domain,
    for: whom,
    values: set.map(expectedValue),
    former: keysOf(former.filter((entry) => ownerOfIdentity(entry.name) === name)),
    tolerated: NONE,
  }
}

function expectedValue({ record, for: whom, certificate }: PublishedRecord): ExpectedValue {
  if (record.type !== 'SRV')
    return { key: certificate?.sha256 ?? '', for: whom, notAfter: certificate?.notAfter ?? null }
  return { key: showSrv(record.data), for: whom, notAfter: null }
}

function directorySet(
  name: string,
  entries: readonly ZoneEntry[],
  former: readonly ZoneEntry[],
): Expectation {
  return {
    name,
    type: 'LDAP',
    domain: apexOfIdentity(name),
    for: name,
    values: entries.map(({ der }) => ({
      key: fingerprint(der),
      for: name,
      notAfter: new X509Certificate(der).validToDate,
    })),
    former: keysOf(former.filter((entry) => entry.name === name)),
    tolerated: NONE,
  }
}

/** Only where the domain has a certificate to hide: addresses that have none of their own, and all others at once. */
function mustBeEmpty(
  { addresses, former }: ExpectedContent,
  sets: readonly Expectation[],
): readonly Expectation[] {
  const published = new Map(sets.flatMap((set) => (set.type === 'CERT' ? [[set.name, set] as const] : [])))
  return [...emptyAddresses(addresses, former, published), ...emptyWildcards(published)]
}

function emptyAddresses(
  addresses: readonly string[],
  former: readonly ZoneEntry[],
  published: ReadonlyMap<string, Expectation>,
): readonly Expectation[] {
  const keys = new Set([...addresses, ...former.map(({ name }) => name)].map((one) => one.toLowerCase()))
  return [...keys].flatMap((text): readonly Expectation[] => {
    const address = parseAddress(text)
    const ofDomain = 'code' in address ? undefined : published.get(address.domain)
    if ('code' in address || ofDomain === undefined) return []
    const name = addressOwner(address)
    if (published.has(name) || !isDnsName(name)) return []
    const left = keysOf(former.filter((entry) => entry.name === address.key))
    const tolerated = new Set(ofDomain.values.map(({ key }) => key))
    return [
      { name, type: 'CERT', domain: address.domain, for: address.key, values: [], former: left, tolerated },
    ]
  })
}

/** A wildcard answers for every address that nothing is said of (RFC 4592); asked by its name, it shows itself. */
function emptyWildcards(published: ReadonlyMap<string, Expectation>): readonly Expectation[] {
  return [...published.values()].flatMap(({ name: owner, domain, values }): readonly Expectation[] => {
    const name = `*.${domain}`
    if (owner !== domain || published.has(name) || !isDnsName(name)) return []
    const tolerated = new Set(values.map(({ key }) => key))
    return [{ name, type: 'CERT', domain, for: `*@${domain}`, values: [], former: NONE, tolerated }]
  })
}

function keysOf(entries: readonly ZoneEntry[]): ReadonlySet<string> {
  return new Set(entries.map(({ der }) => fingerprint(der)))
}
