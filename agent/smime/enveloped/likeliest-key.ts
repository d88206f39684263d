import type { ContentEncryption } from '../algorithms.ts'
import { isText } from '../beginning.ts'
import type { Source } from '../source.ts'
import { beginningOf } from './decrypt-content.ts'

/** Enough that a wrong key is taken for the right one once in a million times. */
const LOOKED_AT = 16

/**
 * Which of several keys, by number, most likely opens the message: the first one under which it begins like a header.
 * Every key is tried, so that nothing shows which one it was (ALG-2).
 */
export async function likeliestKey(
  cms: Pick<Source, 'read' | 'lend'>,
  encryption: ContentEncryption,
  keys: readonly Uint8Array[],
): Promise<number> {
  if (keys.length === 1) return 0
  const like: boolean[] = []
  for (const key of keys) like.push(isText(await beginningOf(cms, encryption, key, LOOKED_AT)))
  return Math.max(like.indexOf(true), 0)
}
