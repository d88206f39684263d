import type { Address } from '../agent/address.ts'
import { DAY } from './lifetimes.ts'
import { notAsked } from './places/not-asked.ts'
import type { DiscoverySources, Place, PlaceName } from './places/types.ts'

const PLACES: readonly PlaceName[] = [
  'configured',
  'dns-address',
  'dns-domain',
  'ldap-address',
  'ldap-domain',
  'cert-server',
]

const NO_NETWORK = 'the network is forbidden'

/**
 * The places of protocol.md DISC-1 in their order, each asked when it is pulled. Whoever pulls stops at the first
 * that is `found` (what it published decides, usable or not) or `failed` (not known: DISC-6), and names the rest
 * with `restNotAsked`; `discoverDeciding` does both. Whoever has not answered within `SEARCH_MS` has failed. Rejects only
 * when the signal fires.
 */
export async function* discover(
  address: Address,
  sources: DiscoverySources,
  caller?: AbortSignal,
): AsyncGenerator<Place, void, void> {
  yield configured(address, sources)
  if (sources.network === null) {
    for (const place of PLACES.slice(1)) yield notAsked(place, address, NO_NETWORK)
    return
  }
  const { askPlaces } = await import('./places/asked.ts')
  yield* askPlaces(address, sources.network, caller)
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
function isDeciding(place: Place): boolean {
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
    unread: [],
    notes: [],
    ttl: DAY,
    questions: [],
  }
}
