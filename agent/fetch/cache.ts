import type { Fetches, StoredFetch } from '../../store/index.ts'
import { BoundedMap } from '../../trust-anchors/index.ts'

/** Where fetched material is kept: `store.fetches`, or memory where there is no store. */
export type FetchCache = Pick<Fetches, 'get' | 'put'>

const MOST_BYTES = 64 << 20

/** For as long as the process lives; what was unused for longest goes when all bodies together pass 64 MiB. */
export function memoryCache(): FetchCache {
  const kept = new BoundedMap<StoredFetch>(MOST_BYTES, ({ body }) => body.length)
  return {
    get: async (key) => kept.get(key) ?? null,
    put: async (fetch) => kept.set(fetch.key, fetch),
  }
}
