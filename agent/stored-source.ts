import type { Store } from '../store/index.ts'
import type { Source } from './smime/source.ts'

/** A body of the store as a source: reading it ends with DirectError STORE_DAMAGED where it is not what was written. */
export async function storedSource(store: Store, body: number): Promise<Source> {
  return { bytes: await store.bodies.size(body), read: () => store.bodies.read(body) }
}

/**
 * The same, known to be what was written: for whoever would judge it before its end was read. Rejects with STORE_DAMAGED
 * else.
 */
export async function wholeSource(store: Store, body: number): Promise<Source> {
  await store.bodies.verify(body)
  return await storedSource(store, body)
}
