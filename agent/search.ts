import { type DiscoverySources, discoverDeciding } from '../dns/index.ts'
import type { VerifiedPath } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import type { Evidence } from './evidence.ts'
import { type Believed, type JudgedPlace, judgePlace, type PlaceTools } from './search/place.ts'
import { type Verdict, verdictOn } from './search/verdict.ts'
import type { Trust } from './trust/current.ts'

export type { Believed } from './search/place.ts'

/** What looking for an address's certificates asks of its neighbours. */
export interface SearchTools extends PlaceTools {
  readonly sources: DiscoverySources
}

/** What the places of DISC-1 gave, judged. */
export interface Search extends Verdict {
  readonly evidence: readonly Evidence[]
  readonly chosen: VerifiedPath<'encrypt'> | null
  /** Where the search stopped; null: nowhere. */
  readonly deciding: Pick<Evidence, 'place' | 'owner'> | null
  /** Seconds for which the answers may be used again (DISC-11); 0 where one is not known. */
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
  const judged: JudgedPlace[] = []
  for (const place of places) judged.push(await judgePlace(place, address, believed, tools, signal))
  const deciding =
    judged.find(({ evidence: { status } }) => status === 'found' || status === 'failed') ?? null
  return {
    ...verdictOn(address, deciding, { offline: tools.sources.network === null }),
    evidence: judged.map(({ evidence }) => evidence),
    chosen: deciding?.chosen ?? null,
    deciding: deciding?.evidence ?? null,
    ttl: Math.min(...places.filter(({ status }) => status !== 'not-asked').map(({ ttl }) => ttl)),
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
