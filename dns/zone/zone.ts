import { X509Certificate } from 'node:crypto'
import { isIP, isIPv6 } from 'node:net'
import { DirectError } from '../../agent/errors.ts'
import { canonicalName, isDnsName, isWithin } from '../names.ts'
import { encodeCertRecord } from '../records/cert-record.ts'
import type { HostPort } from '../types.ts'
import { apexOfIdentity, ownerOfIdentity } from './owner.ts'
import { hostOf, isAddress, type SoaData, type ZoneRecord } from './records.ts'

/** One certificate of ours and whose it is: a domain, or an address. */
export interface ZoneEntry {
  readonly name: string
  readonly der: Uint8Array
}

/** All that is published for our identities: what the responder answers from, and `zone generate` writes. */
export interface Zone {
  /** The domains that we answer for, each a zone of its own with an SOA and NS records at it. In the order of the identities. */
  readonly apexes: ReadonlySet<string>
  /** Zone by zone: SOA, NS, MX, addresses of hosts, SRV, CERT. `apexOf` tells the zone of each. */
  readonly records: readonly ZoneRecord[]
  /** Every name that exists, those without records included: `lee.d.example` because of `dr.lee.d.example`. */
  readonly names: ReadonlyMap<string, readonly ZoneRecord[]>
  /** Of every SOA. */
  readonly serial: number
}

export interface ZoneOptions {
  /** Domains or addresses whose domain is a zone of ours although it may have no certificate now. */
  readonly also?: readonly string[]
  /** Hosts that answer for every zone; the first is the primary. None: `ns.<domain>`, which has no address here. */
  readonly nameServers?: readonly string[]
  /** Hosts that take the mail of every domain, the first preferred. */
  readonly mailServers?: readonly string[]
  /** LDAP directories that hold our certificates, the first preferred (DISC-7). */
  readonly directories?: readonly HostPort[]
  /** IP addresses of hosts; only those of hosts in a zone of ours are published. */
  readonly addresses?: ReadonlyMap<string, readonly string[]>
  /** Seconds, of CERT and SRV records. Default 3600. */
  readonly ttl?: number
  /** Without one: the newest certificate's notBefore in seconds since 1970. See `nextSerial`. */
  readonly serial?: number
}

/** Seconds, of what changes seldom: SOA, NS, MX and addresses. */
const INFRASTRUCTURE_TTL = 3600
/** Seconds that resolvers may hold an absence (RFC 2308 5, DISC-11). */
const NEGATIVE_TTL = 300
/** A message is at most 65,535 bytes, even over TCP; this leaves room for all but the records. */
const MAX_RECORD_SET = 65_000

/**
 * The zones that publish certificates: one for each domain, with CERT records at the domain and at the addresses
 * (DISC-2), SRV records at `_ldap._tcp.<domain>` for the directories (DISC-7), and MX records at the domain, whose mail
 * would find no server otherwise.
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
  const nameServers = hostNames(options.nameServers ?? [], 'publish.nameServers')
  const mailServers = hostNames(options.mailServers ?? [], 'publish.mailServers')
  const ttl = options.ttl ?? 3600
  const addresses = addressRecords(options.addresses ?? new Map())
  const addressesIn = Map.groupBy(addresses, ({ name }) => apexOf({ apexes }, name))
  const ownersIn = Map.groupBy(certificates, ([owner]) => apexOf({ apexes }, owner))
  const records = [...apexes].flatMap((apex): readonly ZoneRecord[] => [
    ...authorityRecords(apex, nameServers, serial),
    ...mailRecords(apex, mailServers),
    ...(addressesIn.get(apex) ?? []),
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

/** Hosts that the records lead to, and that lie in a zone of ours, where no address is published for them. */
export function hostsWithoutAddress({ apexes, names, records }: Zone): readonly string[] {
  const hosts = new Set(records.flatMap((record) => hostOf(record) ?? []))
  return [...hosts].filter((name) => apexOf({ apexes }, name) !== null && !names.get(name)?.some(isAddress))
}

/**
 * What the zone of `apex` says of those of ours below it: their NS records, and the addresses of name servers that lie
 * there themselves (RFC 1034 4.2.1). Nobody asks us for them, who answer for both.
 */
export function delegationsBelow(zone: Zone, apex: string): readonly ZoneRecord[] {
  const below = [...zone.apexes].filter((child) => {
    const parent = child.slice(child.indexOf('.') + 1)
    return child !== apex && apexOf(zone, parent) === apex
  })
  return below.flatMap((child) => {
    const servers = (zone.names.get(child) ?? []).filter(({ type }) => type === 'NS')
    const glue = servers.flatMap((server) => {
      const host = hostOf(server) ?? ''
      return isWithin(host, child) ? (zone.names.get(host) ?? []).filter(isAddress) : []
    })
    return [...servers, ...glue]
  })
}

function authorityRecords(apex: string, servers: readonly string[], serial: number): readonly ZoneRecord[] {
  const names = servers.length === 0 ? [`ns.${apex}`] : servers
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

function mailRecords(apex: string, servers: readonly string[]): readonly ZoneRecord[] {
  return servers.map((exchange, i) => ({
    name: apex,
    type: 'MX',
    ttl: INFRASTRUCTURE_TTL,
    data: { preference: 10 * (i + 1), exchange },
  }))
}

function addressRecords(hosts: ReadonlyMap<string, readonly string[]>): readonly ZoneRecord[] {
  return [...hosts].flatMap(([host, addresses]) => {
    const name = hostName(host, 'publish.addresses')
    return addresses.map(
      (data) => ({ name, type: isIPv6(data) ? 'AAAA' : 'A', ttl: INFRASTRUCTURE_TTL, data }) as const,
    )
  })
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

function hostNames(texts: readonly string[], key: string): readonly string[] {
  return [...new Set(texts.map((text) => hostName(text, key)))]
}

/** RFC 1035 3.3.9 and 3.3.11, RFC 2782: they name a host, and an IP address is no name. */
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

/** With the names between each record's and its zone's, and the hosts in our zones that records lead to. */
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
    const host = hostOf(record)
    if (host !== null) exists(host)
  }
  return names
}
