import type { Store } from '../store/index.ts'
import type { Source } from './smime/source.ts'

/** A body of the store as a source: what waits in the outbox, and what came into the inbox. */
export async function storedSource(store: Store, body: number): Promise<Source> {
  return { bytes: await store.bodies.size(body), read: () => store.bodies.read(body) }
}
