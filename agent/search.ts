import { type DiscoverySources, discoverDeciding, type Place } from '../dns/index.ts'
import { chooseCertificate, type VerifiedPath } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import type { Evidence, JudgedCertificate } from './evidence.ts'
import type { RouteReason } from './recipient-types.ts'
import { type Believed, judgePlace, type PlaceTools } from './search/place.ts'
import type { Trust } from './trust/current.ts'

export type { Believed } from './search/place.ts'

/** What looking for an address's certificates asks of its neighbours. */
export interface SearchTools extends PlaceTools {
  readonly sources: DiscoverySources
}

/** What the places of DISC-1 gave, judged. */
export interface Search {
  readonly evidence: readonly Evidence[]
  readonly chosen: VerifiedPath<'encrypt'> | null
  readonly foundIn: Place['place'] | null
  readonly undetermined: boolean
  readonly why: readonly RouteReason[]
  /** Seconds for which the deciding answers may be used again. */
  readonly ttl: number
}

/**
 * Asks the places in their order until one decides, and judges every certificate that it published (DISC-1, DISC-10).
 * A certificate that is pinned to the address is configured for it (TR-5).
 */
export async function searchFor(
  address: Address,
  believed: Believed,
  tools: SearchTools,
  signal?: AbortSignal,
): Promise<Search> {
  const places = await discoverDeciding(address, withPinned(tools.sources, believed.trust), signal)
  const evidence: Evidence[] = []
  const paths: VerifiedPath<'encrypt'>[] = []
  for (const place of places) {
    const judged = await judgePlace(place, address, believed, tools, signal)
    evidence.push(judged.evidence)
    paths.push(...judged.paths)
  }
  const deciding = places.find(({ status }) => status === 'found' || status === 'failed')
  const ttl = Math.min(...places.filter(({ status }) => status !== 'not-asked').map((place) => place.ttl))
  const chosen = chooseCertificate(paths)
  const offline = tools.sources.network === null && deciding === undefined
  // What one of them needs could not be had: none of them being usable is not known yet, and no other route is taken.
  const waiting = chosen ? [] : evidence.flatMap(({ certificates }) => certificates.filter(mayBeUsableLater))
  return {
    evidence,
    chosen,
    foundIn: deciding?.place ?? null,
    undetermined: offline || deciding?.status === 'failed' || waiting.length > 0,
    why: offline
      ? [LOOKUPS_FORBIDDEN]
      : waiting.length > 0
        ? distinctReasons(waiting)
        : reasons(address, deciding, evidence, chosen),
    ttl,
  }
}

function withPinned(sources: DiscoverySources, trust: Trust): DiscoverySources {
  return {
    ...sources,
    configured: (address) => [
      ...trust.pinned(address).map(({ certificate: { der } }) => ({ origin: `pinned to ${address}`, der })),
      ...sources.configured(address),
    ],
  }
}

/** Nothing final is wrong with it. */
function mayBeUsableLater({ usable, why }: JudgedCertificate): boolean {
  return !usable && why.every(({ temporary }) => temporary)
}

const LOOKUPS_FORBIDDEN: RouteReason = {
  code: 'LOOKUP_FAILED',
  temporary: true,
  text: 'no certificate is configured, and nothing else was asked because the network is forbidden (--no-network)',
}

function reasons(
  address: Address,
  deciding: Place | undefined,
  evidence: readonly Evidence[],
  chosen: VerifiedPath<'encrypt'> | null,
): readonly RouteReason[] {
  if (chosen) return []
  if (!deciding)
    return [
      { code: 'NO_CERTIFICATE', text: `no place that was asked publishes a certificate for ${address}` },
    ]
  const { certificates, notes } = evidence.find(({ place }) => place === deciding.place) as Evidence
  const where = `${deciding.place} (${deciding.owner})`
  if (deciding.status === 'failed')
    return [
      {
        code: 'LOOKUP_FAILED',
        text: `${where} ${unanswered(deciding)}: ${notes.join('; ')}`,
        temporary: true,
      },
    ]
  if (certificates.length === 0)
    return [
      {
        code: 'CERT_MALFORMED',
        text: `${where} publishes only records that are no certificates: ${notes.join('; ')}`,
      },
    ]
  return distinctReasons(certificates)
}

/** A server that answers REFUSED is there: it will not serve us, and waiting changes that for nobody. */
function unanswered({ refusedBy, place }: Place): string {
  if (refusedBy !== 'servers') return 'could not be asked'
  const key = place === 'cert-server' ? 'certServers' : 'dns.servers'
  return `is not answered: every server refused the question; see whether ${key} names servers that answer it for this machine`
}

function distinctReasons(certificates: readonly JudgedCertificate[]): readonly RouteReason[] {
  const seen = new Set<string>()
  return certificates
    .flatMap(({ why }) => why)
    .filter(({ code, text }) => !seen.has(code + text) && seen.add(code + text))
}
