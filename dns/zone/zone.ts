import { X509Certificate } from 'node:crypto'
import { parseAddress, parseDomain } from '../../agent/address.ts'
import { DirectError } from '../../agent/errors.ts'
import { addressOwner, canonicalName, isDnsName } from '../names.ts'
import { encodeCertRecord } from '../records/cert-record.ts'

/** One certificate of ours and whose it is: a domain, or an address. */
export interface ZoneEntry {
  readonly name: string
  readonly der: Uint8Array
}

/** What the responder publishes. All names canonical: lower case, no trailing dot. */
export interface Zone {
  /** The domains that we answer for; each is a zone of its own. */
  readonly apexes: ReadonlySet<string>
  /** Owner name -> RDATA of its CERT records. */
  readonly certificates: ReadonlyMap<string, readonly Buffer[]>
  /** Every name that exists, those without records included: `lee.d.example` because of `dr.lee.d.example`. */
  readonly names: ReadonlySet<string>
  /** Of every SOA: the newest certificate's notBefore, in seconds since 1970. */
  readonly serial: number
  /** Of every NS, where it is known; otherwise `ns.<apex>` stands in. */
  readonly nameServer: string | null
}

/** A message is at most 65,535 bytes, even over TCP; this leaves room for all but the records. */
const MAX_RECORD_SET = 65_000

/**
 * The zones that publish certificates: one for each domain, with CERT records at the domain and at the addresses
 * (DISC-2). Throws DirectError `CONFIG_INVALID` for a name that DNS cannot carry, `CERT_UNREADABLE`, and
 * `LIMIT_EXCEEDED` when one name holds more certificates than a DNS message.
 */
export function zoneOf(entries: readonly ZoneEntry[], options: { readonly nameServer?: string } = {}): Zone {
  const apexes = new Set<string>()
  const certificates = new Map<string, Buffer[]>()
  let serial = 0
  for (const entry of entries) {
    const { apex, owner } = ownerOf(entry.name)
    apexes.add(apex)
    const { rdata, notBefore } = recordOf(entry)
    const set = certificates.get(owner) ?? []
    if (!set.some((other) => other.equals(rdata))) set.push(rdata)
    certificates.set(owner, set)
    serial = Math.max(serial, Math.floor(notBefore.getTime() / 1000))
  }
  for (const [owner, set] of certificates) {
    const bytes = set.reduce((sum, rdata) => sum + owner.length + 12 + rdata.length, 0)
    if (bytes > MAX_RECORD_SET) {
      throw new DirectError('LIMIT_EXCEEDED', `${owner} would hold ${bytes} bytes of CERT records`, {
        hint: 'A DNS message takes 65,535 bytes: remove certificates that are no longer used.',
      })
    }
  }
  const nameServer = options.nameServer === undefined ? null : canonicalName(options.nameServer)
  const published = [...apexes].map((apex) => nameServer ?? `ns.${apex}`)
  const names = withParents([...certificates.keys(), ...apexes, ...published], apexes)
  return { apexes, certificates, names, serial, nameServer }
}

/** The deepest zone that a name lies in, null when it is none of ours. */
export function apexOf(zone: Pick<Zone, 'apexes'>, name: string): string | null {
  for (let at = name; ; at = at.slice(at.indexOf('.') + 1)) {
    if (zone.apexes.has(at)) return at
    if (!at.includes('.')) return null
  }
}

function ownerOf(name: string): { readonly apex: string; readonly owner: string } {
  const domain = name.includes('@') ? null : parseDomain(name)
  if (domain !== null) return { apex: domain, owner: domain }
  const address = parseAddress(name)
  if ('code' in address) {
    throw new DirectError('CONFIG_INVALID', `no certificate can be published for ${JSON.stringify(name)}`, {
      hint: 'Give a domain, or an address.',
      cause: address,
    })
  }
  const owner = addressOwner(address)
  if (!isDnsName(owner)) {
    throw new DirectError(
      'CONFIG_INVALID',
      `${name} cannot be published in DNS: its name there would not fit`,
      {
        hint: 'The parts between the dots hold at most 63 characters, the whole at most 253.',
      },
    )
  }
  return { apex: address.domain, owner }
}

function recordOf(entry: ZoneEntry): { readonly rdata: Buffer; readonly notBefore: Date } {
  try {
    return { rdata: encodeCertRecord(entry.der), notBefore: new X509Certificate(entry.der).validFromDate }
  } catch (cause) {
    throw new DirectError('CERT_UNREADABLE', `the certificate of ${entry.name} cannot be read`, { cause })
  }
}

function withParents(owners: readonly string[], apexes: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set<string>()
  for (const owner of owners) {
    for (let name = owner; apexOf({ apexes }, name) !== null; name = name.slice(name.indexOf('.') + 1)) {
      names.add(name)
    }
  }
  return names
}
