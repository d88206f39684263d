import type { Address } from '../agent/address.ts'
import { parseCertRecord } from './cert-record.ts'
import { addressOwner, isDnsName } from './names.ts'
import type { Answer, DiscoverySources, Place, PlaceName, Resolver } from './types.ts'

const PLACES: readonly PlaceName[] = [
  'configured',
  'dns-address',
  'dns-domain',
  'ldap-address',
  'ldap-domain',
  'cert-server',
]

/** Seconds: nothing is kept for longer than a day (DISC-11). */
const DAY = 86_400

const NO_NETWORK = 'the network is forbidden'
const NO_LDAP = 'looking in LDAP directories is not built yet'

/**
 * The places of protocol.md DISC-1 in their order, each asked when it is pulled. Whoever pulls stops at the first
 * that is `found` (what it published decides, usable or not) or `failed` (not known: DISC-6), and names the rest
 * with `restNotAsked`; `discoverDeciding` does both. Rejects only when the signal fires.
 */
export async function* discover(
  address: Address,
  sources: DiscoverySources,
  signal?: AbortSignal,
): AsyncGenerator<Place, void, void> {
  yield configured(address, sources)
  for (const place of ['dns-address', 'dns-domain'] as const) {
    if (sources.resolver === null) yield notAsked(place, address, NO_NETWORK)
    else yield await askDns(place, address, sources.resolver, signal)
  }
  const whyNoLdap = sources.resolver === null ? NO_NETWORK : NO_LDAP
  yield notAsked('ldap-address', address, whyNoLdap)
  yield notAsked('ldap-domain', address, whyNoLdap)
  yield await askCertServer(address, sources, signal)
}

/** All six places: asked up to the one that decides, the rest `not-asked`. */
export async function discoverDeciding(
  address: Address,
  sources: DiscoverySources,
  signal?: AbortSignal,
): Promise<readonly Place[]> {
  const places: Place[] = []
  for await (const place of discover(address, sources, signal)) {
    places.push(place)
    if (isDeciding(place)) return [...places, ...restNotAsked(address, place)]
  }
  return places
}

/** Whether the search stops here (DISC-1, DISC-6). */
export function isDeciding(place: Place): boolean {
  return place.status === 'found' || place.status === 'failed'
}

/** The places after the one where the search stopped. */
export function restNotAsked(
  address: Address,
  { place: last, status }: Pick<Place, 'place' | 'status'>,
): readonly Place[] {
  const why = status === 'failed' ? 'an earlier place could not be asked' : 'an earlier place decided'
  return PLACES.slice(PLACES.indexOf(last) + 1).map((place) => notAsked(place, address, `${why}: ${last}`))
}

function configured(address: Address, sources: DiscoverySources): Place {
  const entries = sources.configured(address)
  return {
    place: 'configured',
    owner: entries.length === 0 ? address.key : [...new Set(entries.map((entry) => entry.origin))].join(', '),
    status: entries.length === 0 ? 'absent' : 'found',
    certificates: entries.map((entry) => entry.der),
    notes: [],
    ttl: DAY,
    questions: [],
  }
}

/**
 * One place in DNS. At the address's, `user+tag@d` is asked for as written first, then, if that is absent, as
 * `user@d`; both make one place (MSG-13).
 */
function askDns(
  place: 'dns-address' | 'dns-domain',
  address: Address,
  resolver: Resolver,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const owners = place === 'dns-domain' ? [address.domain] : addressOwners(address)
  return askOwners(place, owners, resolver, signal)
}

async function askCertServer(
  address: Address,
  sources: DiscoverySources,
  signal: AbortSignal | undefined,
): Promise<Place> {
  if (sources.resolver === null) return notAsked('cert-server', address, NO_NETWORK)
  const certServer = sources.certServer(address.domain)
  if (certServer === null) {
    return notAsked('cert-server', address, `no cert server is configured for ${address.domain}`)
  }
  const owners = [...addressOwners(address), address.domain]
  return {
    ...(await askOwners('cert-server', owners, certServer.resolver, signal)),
    owner: certServer.server,
  }
}

function addressOwners(address: Address): readonly string[] {
  const untagged = address.withoutTag()
  return untagged === null ? [addressOwner(address)] : [addressOwner(address), addressOwner(untagged)]
}

/** Asks one owner name after the other until one has published something or is not known. */
async function askOwners(
  place: PlaceName,
  owners: readonly string[],
  resolver: Resolver,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const notes: string[] = []
  const questions: { name: string; type: 'CERT'; answer: string }[] = []
  let ttl = DAY
  let last: Pick<Read, 'status' | 'refused' | 'certificates'> = { status: 'absent', certificates: [] }
  let owner = owners[0] as string
  for (owner of owners) {
    if (!isDnsName(owner)) {
      notes.push(`${owner} was not asked for: a label over 63 or a name over 253 characters does not fit DNS`)
      continue
    }
    const answer = await resolver.resolve(owner, 'CERT', signal === undefined ? {} : { signal })
    questions.push({ name: owner, type: 'CERT', answer: showAnswer(answer) })
    const read = readAnswer(answer)
    notes.push(...read.notes)
    ttl = Math.min(ttl, read.ttl)
    last = read
    if (read.status !== 'absent') break
  }
  const { status, refused, certificates } = last
  return { place, owner, status, ...(refused && { refused }), certificates, notes, ttl, questions }
}

type Read = Pick<Place, 'status' | 'refused' | 'certificates' | 'notes' | 'ttl'>

function readAnswer(answer: Answer): Read {
  if (answer.status === 'absent') return { status: 'absent', certificates: [], notes: [], ttl: answer.ttl }
  if (answer.status === 'failed') {
    const notes = answer.tries.map((one) => `${one.server}: ${one.code}, ${one.text}`)
    const refused = answer.tries.length > 0 && answer.tries.every(({ code }) => code === 'REFUSED')
    return { status: 'failed', ...(refused && { refused }), certificates: [], notes, ttl: 0 }
  }
  const certificates = new Map<string, Uint8Array>()
  const notes: string[] = []
  let published = false
  for (const { data } of answer.records) {
    const record = parseCertRecord(Buffer.isBuffer(data) ? data : Buffer.alloc(0))
    // A garbled certificate is a published one (DISC-4); a PGP key or a URL is not.
    if (record.kind !== 'other') published = true
    if (record.kind === 'pkix') certificates.set(record.certificate.toString('latin1'), record.certificate)
    else notes.push(record.note)
  }
  return {
    status: published ? 'found' : 'absent',
    certificates: [...certificates.values()],
    notes,
    ttl: answer.ttl,
  }
}

function showAnswer(answer: Answer): string {
  switch (answer.status) {
    case 'found':
      return `${answer.records.length} CERT from ${answer.server}`
    case 'absent':
      return `${answer.kind} from ${answer.server}`
    case 'failed':
      return answer.tries.map((one) => `${one.code} at ${one.server}`).join(', ') || 'no server to ask'
  }
}

function notAsked(place: PlaceName, address: Address, note: string): Place {
  const ofDomain = place === 'dns-domain' || place === 'ldap-domain' || place === 'cert-server'
  const ofDnsAddress = place === 'dns-address' ? addressOwner(address) : address.key
  return {
    place,
    owner: ofDomain ? address.domain : ofDnsAddress,
    status: 'not-asked',
    certificates: [],
    notes: [note],
    ttl: DAY,
    questions: [],
  }
}
