import type { ContentEncryption } from '../algorithms.ts'
import type { Source } from '../source.ts'
import { beginningOf } from './content.ts'

/** Enough that a wrong key is taken for the right one once in a billion times. */
const LOOKED_AT = 16

/**
 * Which of several keys, by number, most likely opens the message: the first one under which it begins like a header.
 * Every key is tried, so that nothing shows which one it was (ALG-2).
 */
export async function likeliestKey(
  cms: Pick<Source, 'read'>,
  encryption: ContentEncryption,
  keys: readonly Uint8Array[],
): Promise<number> {
  if (keys.length === 1) return 0
  const like: boolean[] = []
  for (const key of keys) like.push(isLikeHeader(await beginningOf(cms, encryption, key, LOOKED_AT)))
  return Math.max(like.indexOf(true), 0)
}

/** A wrong key passes the padding once in 256 times; then the first bytes of what should be a header tell. */
export async function beginsLikeHeader(content: Pick<Source, 'read'>): Promise<boolean> {
  for await (const chunk of content.read()) return isLikeHeader(chunk.subarray(0, 8))
  return false
}

function isLikeHeader(start: Uint8Array): boolean {
  const isText = (byte: number) =>
    (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
  return start.length > 0 && start.every(isText)
}
