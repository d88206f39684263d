import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  type DecipherGCM,
  type Decipheriv,
} from 'node:crypto'
import { DirectError } from '../../errors.ts'
import type { ContentEncryption } from '../algorithms.ts'
import { CmsError } from '../ber/reader.ts'
import { inBlocks } from '../blocks.ts'
import type { Source } from '../source.ts'
import { type EnvelopeTail, encryptedContent } from './head.ts'

/** The ciphertext, then the tag behind `mac`, the header of its element, where the cipher authenticates. */
export async function* encryptContent(
  plaintext: Source,
  encryption: ContentEncryption,
  key: Uint8Array,
  mac: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const cipher =
    'iv' in encryption
      ? createCipheriv(encryption.cipher, key, encryption.iv)
      : createCipheriv(encryption.cipher, key, encryption.nonce, { authTagLength: encryption.tagBytes })
  let bytes = 0
  for await (const chunk of plaintext.read()) {
    bytes += chunk.length
    const block = cipher.update(chunk)
    if (block.length > 0) yield block
  }
  if (bytes !== plaintext.bytes) {
    throw new DirectError(
      'MESSAGE_INVALID',
      `the message changed while it was encrypted: ${plaintext.bytes} bytes became ${bytes}`,
      { hint: 'Leave attachments alone until the message has been sent.' },
    )
  }
  yield cipher.final()
  if (mac.length > 0) yield Buffer.concat([mac, (cipher as CipherGCM).getAuthTag()])
}

/** What the ciphertext of a message decrypted to, as far as it says so itself. */
export interface Outcome {
  /** Whether padding or tag say that it was this key. */
  whole: boolean
  /** Authenticated attributes, which stand behind the content, and have to be known before it (RFC 5083 2.2). */
  attributes: Uint8Array | null
}

/**
 * The plaintext of a whole message. It is read to its end whatever is wrong (ALG-2); what became of it stands in
 * `outcome` then. `attributes`: those of an earlier reading.
 */
export async function* decryptContent(
  cms: Pick<Source, 'read'>,
  encryption: ContentEncryption,
  key: Uint8Array,
  outcome: Outcome,
): AsyncGenerator<Uint8Array> {
  const { attributes } = outcome
  const decipher = decipherOf(encryption, key, attributes)
  let tail: EnvelopeTail | null = null
  const ciphertext = encryptedContent(cms, (found) => {
    tail = found
  })
  try {
    for await (const piece of inBlocks(ciphertext)) {
      const bytes = decipher.update(piece)
      if (bytes.length > 0) yield bytes
    }
  } catch (error) {
    if (error instanceof CmsError) return
    throw error
  }
  const last = finish(decipher, encryption, tail)
  outcome.whole = last !== null
  outcome.attributes = (tail as EnvelopeTail | null)?.attributes ?? null
  if (last !== null && last.length > 0) yield last
}

function decipherOf(
  encryption: ContentEncryption,
  key: Uint8Array,
  attributes: Uint8Array | null,
): Decipheriv {
  if ('iv' in encryption) return createDecipheriv(encryption.cipher, key, encryption.iv)
  const { cipher, nonce, tagBytes } = encryption
  const decipher = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes })
  return attributes === null ? decipher : decipher.setAAD(attributes)
}

function finish(
  decipher: Decipheriv,
  encryption: ContentEncryption,
  tail: EnvelopeTail | null,
): Uint8Array | null {
  try {
    if (!('iv' in encryption)) (decipher as DecipherGCM).setAuthTag(tail?.mac ?? new Uint8Array())
    return decipher.final()
  } catch {
    // By throwing, final() says that padding or tag are wrong, setAuthTag() that the tag has another length than it says.
    return null
  }
}
