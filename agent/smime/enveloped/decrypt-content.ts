import { createDecipheriv, createSecretKey, type DecipherGCM, type Decipheriv } from 'node:crypto'
import { release } from '../../mime/bytes.ts'
import { blockBytes, type ContentEncryption, orNull } from '../algorithms.ts'
import { CmsError } from '../ber/error.ts'
import { inBlocks } from '../blocks.ts'
import type { OutlineReader } from '../signed/outline.ts'
import type { Source } from '../source.ts'
import { type EnvelopeTail, type OpenEnvelope, openEnvelope } from './open-envelope.ts'
import { LastBlock } from './padding.ts'

/** What the ciphertext of a message decrypted to, as far as it says so itself. */
export interface Outcome {
  /** Whether padding or tag say that it was this key. */
  whole: boolean
  /** Authenticated attributes, which stand behind the content, and have to be known before it (RFC 5083 2.2). */
  attributes: Uint8Array | null
}

/** A cipher takes as long for fewer bytes. */
const WORTH_DECRYPTING = 1 << 12

/**
 * The plaintext of a whole message, each chunk lent until the next one is asked for. It is read and handed on to its end
 * whatever is wrong (ALG-2), where the padding is, with it; what became of it stands in `outcome` then. `attributes`:
 * those of an earlier reading. `outline` is shown each chunk before.
 */
export async function* decryptContent(
  envelope: OpenEnvelope,
  encryption: ContentEncryption,
  key: Uint8Array,
  outcome: Outcome,
  outline: Pick<OutlineReader, 'update'>,
): AsyncGenerator<Uint8Array> {
  const { attributes } = outcome
  const decipher = decipherOf(encryption, key, attributes)
  const padded = 'iv' in encryption ? new LastBlock(blockBytes(encryption.cipher)) : null
  let tail: EnvelopeTail | null = null
  const ciphertext = envelope.content((found) => {
    tail = found
  })
  try {
    for await (const piece of inBlocks(ciphertext, WORTH_DECRYPTING)) {
      const bytes = decipher.update(piece)
      if (bytes.length === 0) continue
      for (const ready of padded?.before(bytes) ?? [bytes]) {
        outline.update(ready)
        yield ready
      }
      release(bytes)
    }
  } catch (error) {
    if (error instanceof CmsError) return
    throw error
  }
  const finished = finish(decipher, encryption, tail)
  outcome.attributes = (tail as EnvelopeTail | null)?.attributes ?? null
  if (padded === null) outcome.whole = finished
  else {
    const { content, isPadded } = padded.end()
    outcome.whole = finished && isPadded
    if (content.length === 0) return
    outline.update(content)
    yield content
  }
}

/** The first bytes of the plaintext, at most so many; fewer where the message ends or breaks before them. */
export async function beginningOf(
  cms: Pick<Source, 'read' | 'lend'>,
  encryption: ContentEncryption,
  key: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  const decipher = decipherOf(encryption, key, null)
  let start: Uint8Array = new Uint8Array()
  try {
    await using envelope = await openEnvelope(cms, () => false)
    for await (const piece of envelope?.content(() => {}) ?? []) {
      start = Buffer.concat([start, decipher.update(piece)])
      if (start.length >= length) break
    }
  } catch (error) {
    if (!(error instanceof CmsError)) throw error
  }
  return start.subarray(0, length)
}

/** Padding is looked at by `LastBlock`: OpenSSL would keep the last block to itself, and speak by an exception. */
function decipherOf(
  encryption: ContentEncryption,
  key: Uint8Array,
  attributes: Uint8Array | null,
): Decipheriv {
  // Of bare bytes node:crypto finds out by exceptions that they are no key object, which takes longer than making one.
  const secret = createSecretKey(key)
  if ('iv' in encryption)
    return createDecipheriv(encryption.cipher, secret, encryption.iv).setAutoPadding(false)
  const { cipher, nonce, tagBytes } = encryption
  const decipher = createDecipheriv(cipher, secret, nonce, { authTagLength: tagBytes })
  return attributes === null ? decipher : decipher.setAAD(attributes)
}

/** Whether the tag is right and as long as it says, or the ciphertext a number of blocks. */
function finish(decipher: Decipheriv, encryption: ContentEncryption, tail: EnvelopeTail | null): boolean {
  const rest = orNull(() => {
    if (!('iv' in encryption)) (decipher as DecipherGCM).setAuthTag(tail?.mac ?? new Uint8Array())
    return decipher.final()
  })
  return rest !== null
}
