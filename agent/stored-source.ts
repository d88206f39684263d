import type { NewBody, Store } from '../store/index.ts'
import { unpooled } from './mime/bytes.ts'
import { lent, type Source } from './smime/source.ts'

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

/** Bytes that are stored in one transaction with what names them. */
const WITH_ITS_ROW = 256 * 1024

/** What the store is given of a source: its bytes, where they are few, else a body that has been written. */
export async function toStore(source: Source, { bodies }: Pick<Store, 'bodies'>): Promise<NewBody> {
  if (source.bytes > WITH_ITS_ROW) return await bodies.write(lent(source))
  const bytes = unpooled(source.bytes)
  let at = 0
  for await (const chunk of lent(source)) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes.subarray(0, at)
}
