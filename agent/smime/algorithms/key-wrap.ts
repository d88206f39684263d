import { createCipheriv, createDecipheriv } from 'node:crypto'
import { orNull } from './or-null.ts'

/** AES Key Wrap (RFC 3394): how a key that two sides share carries the content key. */
export type KeyWrap = 'aes-128-wrap' | 'aes-192-wrap' | 'aes-256-wrap'

/** RFC 3565 2.3.2. */
export const WRAP_OID: Readonly<Record<KeyWrap, string>> = {
  'aes-128-wrap': '2.16.840.1.101.3.4.1.5',
  'aes-192-wrap': '2.16.840.1.101.3.4.1.25',
  'aes-256-wrap': '2.16.840.1.101.3.4.1.45',
}

/** RFC 3394 2.2.3.1. */
const INITIAL = Buffer.alloc(8, 0xa6)

/** Size of the key that wraps, in bytes. */
export function wrapKeyBytes(wrap: KeyWrap): number {
  return Number(wrap.slice(4, 7)) / 8
}

/** The wrapped key: 8 bytes longer than `key`, whose length is a multiple of 8 (RFC 3394 2.2.1). */
export function wrapKey(wrap: KeyWrap, wrapping: Uint8Array, key: Uint8Array): Uint8Array {
  const cipher = createCipheriv(cipherOf(wrap), wrapping, INITIAL)
  return Buffer.concat([cipher.update(key), cipher.final()])
}

/** Null when the wrapping key is another one, or the wrapped key is broken. */
export function unwrapKey(wrap: KeyWrap, wrapping: Uint8Array, wrapped: Uint8Array): Uint8Array | null {
  return orNull(() => {
    const decipher = createDecipheriv(cipherOf(wrap), wrapping, INITIAL)
    const key = Buffer.concat([decipher.update(wrapped), decipher.final()])
    // For nothing at all it does not throw.
    return key.length === 0 ? null : key
  })
}

function cipherOf(wrap: KeyWrap): string {
  return `id-aes${8 * wrapKeyBytes(wrap)}-wrap`
}
