import { type CipherGCM, createCipheriv, createSecretKey } from 'node:crypto'
import { DirectError } from '../../errors.ts'
import type { WrittenEncryption } from '../algorithms.ts'
import { inBlocks } from '../blocks.ts'
import { lent, type Source } from '../source.ts'

/** The ciphertext, then the tag behind `mac`, the header of its element, where the cipher authenticates. */
export async function* encryptContent(
  plaintext: Source,
  encryption: WrittenEncryption,
  key: Uint8Array,
  mac: Uint8Array,
): AsyncGenerator<Uint8Array> {
  // Of bare bytes node:crypto finds out by exceptions that they are no key object, which takes longer than making one.
  const secret = createSecretKey(key)
  const cipher =
    'iv' in encryption
      ? createCipheriv(encryption.cipher, secret, encryption.iv)
      : createCipheriv(encryption.cipher, secret, encryption.nonce, { authTagLength: encryption.tagBytes })
  let bytes = 0
  for await (const chunk of inBlocks(lent(plaintext))) {
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
