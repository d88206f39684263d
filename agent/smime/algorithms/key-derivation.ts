import { createHash } from 'node:crypto'
import { hashName, type ReceivedDigest } from './digest.ts'

/** ANSI X9.63's key derivation function (SEC 1 3.6.1): so many bytes from a shared secret. */
export function deriveKey(
  digest: ReceivedDigest,
  secret: Uint8Array,
  sharedInfo: Uint8Array,
  bytes: number,
): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let counter = 1, length = 0; length < bytes; counter++) {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const block = createHash(hashName(digest)).update(secret).update(count).update(sharedInfo).digest()
    blocks.push(block)
    length += block.length
  }
  return Buffer.concat(blocks).subarray(0, bytes)
}
