import { Gathered } from '../mime/bytes.ts'

/**
 * Gathers small pieces: a file or a hash is slow at thousands of them, however few the bytes. Pieces may be lent; blocks
 * are good until the next one is asked for.
 */
export async function* inBlocks(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytes = 1 << 16,
): AsyncGenerator<Uint8Array> {
  using held = new Gathered()
  for await (const piece of pieces) {
    if (held.length === 0 && piece.length >= bytes) {
      yield piece
      continue
    }
    held.add(piece)
    if (held.length < bytes) continue
    yield held.bytes
    held.clear()
  }
  if (held.length > 0) yield held.bytes
}
