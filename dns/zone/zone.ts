import { X509Certificate } from 'node:crypto'
import { isIP, isIPv6 } from 'node:net'
import { DirectError } from '../../agent/errors.ts'
import { canonicalName, isDnsName } from '../names.ts'
import { encodeCertRecord } from '../records/cert-record.ts'
import type { HostPort } from '../types.ts'
import { apexOfIdentity, ownerOfIdentity } from './owner.ts'

/** One certificate of ours and whose it is: a domain, or an address. */
export interface ZoneEntry {
  readonly name: string
  readonly der: Uint8Array
}

/** One record; `name` and the names in `data` are canonical: lower case, absolute, without the trailing dot. Class IN. */
export type ZoneRecord = {
  readonly name: string
  /** Seconds. */
  readonly ttl: number
} & (
  | { readonly type: 'SOA'; readonly data: SoaData }
  | { readonly type: 'NS'; readonly data: string }
  /** An IP address as text. */
  | { readonly type: 'A' | 'AAAA'; readonly data: string }
  | { readonly type: 'SRV'; readonly data: SrvData }
  /** The RDATA of RFC 4398 2: type, key tag, algorithm, certificate. */
  | { readonly type: 'CERT'; readonly data: Buffer }
)

/** RFC 1035 3.3.13; the times are seconds. */
export interface SoaData {
  readonly mname: string
  readonly rname: string
  readonly serial: number
  readonly refresh: number
  readonly retry: number
  readonly expire: number
  readonly minimum: number
}

/** RFC 2782. */
export interface SrvData {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly target: string
}

/** All that is published for our identities: what the responder answers from, and `zone generate` writes. */
export interface Zone {
  /** The domains that we answer for, each a zone of its own with an SOA and NS records at it. In the order of the identities. */
  readonly apexes: ReadonlySet<string>
  /** Zone by zone: SOA, NS, addresses of name servers, SRV, CERT. `apexOf` tells the zone of each. */
  readonly records: readonly ZoneRecord[]
  /** Every name that exists, those without records included: `lee.d.example` because of `dr.lee.d.example`. */
  readonly names: ReadonlyMap<string, readonly ZoneRecord[]>
  /** Of every SOA. */
  readonly serial: number
}

export interface ZoneOptions {
  /** Domains or addresses whose domain is a zone of ours although it may have no certificate now. */
  readonly also?: readonly string[]
  /** Of every zone; the first is the primary. None: `ns.<domain>`, which has no address here. */
  readonly nameServers?: readonly { readonly name: string; readonly addresses: readonly string[] }[]
  /** LDAP directories that hold our certificates, the first preferred (DISC-7). */
  readonly directories?: readonly HostPort[]
  /** Seconds, of CERT and SRV records. Default 3600. */
  readonly ttl?: number
  /** Without one: the newest certificate's notBefore in seconds since 1970. See `nextSerial`. */
  readonly serial?: number
}

/** Seconds, of what changes seldom: SOA, NS and the addresses of name servers. */
const INFRASTRUCTURE_TTL = 3600
/** Seconds that resolvers may hold an absence (RFC 2308 5, DISC-11). */
export const NEGATIVE_TTL = 300
/** A message is at most 65,535 bytes, even over TCP; this leaves room for all but the records. */
const MAX_RECORD_SET = 65_000

/**
 * The zones that publish certificates: one for each domain, with CERT records at the domain and at the addresses
 * (DISC-2), and SRV records at `_ldap._tcp.<domain>` for the directories (DISC-7).
 * Throws DirectError `CONFIG_INVALID` for a name that DNS cannot carry, `CERT_UNREADABLE`, and `LIMIT_EXCEEDED` when
 * one name holds more certificates than a DNS message.
 */
export function zoneOf(entries: readonly ZoneEntry[], options: ZoneOptions = {}): Zone {
  const certificates = new Map<string, Buffer[]>()
  const apexes = new Set<string>()
  let newest = 0
  for (const entry of entries) {
    apexes.add(apexOfIdentity(entry.name))
    const owner = ownerOfIdentity(entry.name)
    const { rdata, notBefore } = certificateOf(entry)
    const set = certificates.get(owner) ?? []
    if (!set.some((other) => other.equals(rdata))) set.push(rdata)
    certificates.set(owner, set)
    newest = Math.max(newest, Math.floor(notBefore.getTime() / 1000))
  }
  for (const name of options.also ?? []) apexes.add(apexOfIdentity(name))
  for (const [owner, set] of certificates) requireRoom(owner, set)
  const serial = options.serial ?? newest
  const servers = (options.nameServers ?? []).map(({ name, addresses }) => ({
    name: hostName(name, 'publish.nameServers'),
    addresses,
  }))
  const ttl = options.ttl ?? 3600
  const zoneOfName = (name: string) => apexOf({ apexes }, name)
  const serversIn = Map.groupBy(servers, ({ name }) => zoneOfName(name))
  const ownersIn = Map.groupBy(certificates, ([owner]) => zoneOfName(owner))
  const records = [...apexes].flatMap((apex): readonly ZoneRecord[] => [
    ...authorityRecords(apex, servers, serial),
    ...(serversIn.get(apex) ?? []).flatMap(addressRecords),
    ...directoryRecords(apex, options.directories ?? [], ttl),
    ...(ownersIn.get(apex) ?? []).flatMap(([name, set]) =>
      set.map((data) => ({ name, type: 'CERT', ttl, data }) as const),
    ),
  ])
  return { apexes, records, names: namesOf(records, apexes), serial }
}

/** The deepest zone that a name lies in, null when it is none of ours. */
export function apexOf(zone: Pick<Zone, 'apexes'>, name: string): string | null {
  for (let at = name; ; at = at.slice(at.indexOf('.') + 1)) {
    if (zone.apexes.has(at)) return at
    if (!at.includes('.')) return null
  }
}

/** Name servers and directories that lie in a zone of ours, where no address is published for them. */
export function namesWithoutAddress({ apexes, names, records }: Zone): readonly string[] {
  const targets = records.flatMap((record) => {
    if (record.type === 'NS') return [record.data]
    return record.type === 'SRV' ? [record.data.target] : []
  })
  const hasAddress = (name: string) =>
    names.get(name)?.some(({ type }) => type === 'A' || type === 'AAAA') ?? false
  return [...new Set(targets)].filter((name) => apexOf({ apexes }, name) !== null && !hasAddress(name))
}

function authorityRecords(
  apex: string,
  servers: readonly { readonly name: string }[],
  serial: number,
): readonly ZoneRecord[] {
  const names = servers.length === 0 ? [`ns.${apex}`] : servers.map(({ name }) => name)
  const data: SoaData = {
    mname: names[0] as string,
    rname: `hostmaster.${apex}`,
    serial,
    refresh: 7200,
    retry: 900,
    expire: 1_209_600,
    minimum: NEGATIVE_TTL,
  }
  const ttl = INFRASTRUCTURE_TTL
  return [
    { name: apex, type: 'SOA', ttl, data },
    ...names.map((name) => ({ name: apex, type: 'NS', ttl, data: name }) as const),
  ]
}

function addressRecords(server: {
  readonly name: string
  readonly addresses: readonly string[]
}): ZoneRecord[] {
  return server.addresses.map((data) => ({
    name: server.name,
    type: isIPv6(data) ? 'AAAA' : 'A',
    ttl: INFRASTRUCTURE_TTL,
    data,
  }))
}

/** Each its own priority: strangers come to the next only where one fails or is empty (DISC-7). */
function directoryRecords(apex: string, directories: readonly HostPort[], ttl: number): ZoneRecord[] {
  return directories.map(({ host, port }, priority) => ({
    name: `_ldap._tcp.${apex}`,
    type: 'SRV',
    ttl,
    data: { priority, weight: 0, port, target: hostName(host, 'publish.directories') },
  }))
}

/** RFC 1035 3.3.11, RFC 2782: both name a host, and an IP address is no name. */
function hostName(text: string, key: string): string {
  const name = canonicalName(text)
  if (isDnsName(name) && isIP(name) === 0) return name
  throw new DirectError('CONFIG_INVALID', `${key}: ${JSON.stringify(text)} is not a host name`, {
    hint: 'DNS records name a host: give a name such as ldap.clinic.example, and its address in DNS.',
  })
}

function certificateOf(entry: ZoneEntry): { readonly rdata: Buffer; readonly notBefore: Date } {
  try {
    return { rdata: encodeCertRecord(entry.der), notBefore: new X509Certificate(entry.der).validFromDate }
  } catch (cause) {
    throw new DirectError('CERT_UNREADABLE', `the certificate of ${entry.name} cannot be read`, { cause })
  }
}

function requireRoom(owner: string, set: readonly Buffer[]): void {
  const bytes = set.reduce((sum, rdata) => sum + owner.length + 12 + rdata.length, 0)
  if (bytes <= MAX_RECORD_SET) return
  throw new DirectError('LIMIT_EXCEEDED', `${owner} would hold ${bytes} bytes of CERT records`, {
    hint: 'A DNS message takes 65,535 bytes: remove certificates that are no longer used.',
  })
}

/** With the names between each record's and its zone's, and those of name servers that lie here. */
function namesOf(
  records: readonly ZoneRecord[],
  apexes: ReadonlySet<string>,
): ReadonlyMap<string, readonly ZoneRecord[]> {
  const names = new Map<string, ZoneRecord[]>()
  const exists = (name: string) => {
    for (let at = name; apexOf({ apexes }, at) !== null; at = at.slice(at.indexOf('.') + 1))
      if (!names.has(at)) names.set(at, [])
  }
  for (const record of records) {
    exists(record.name)
    names.get(record.name)?.push(record)
    if (record.type === 'NS') exists(record.data)
  }
  return names
}
