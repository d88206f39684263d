import { type KeyObject, webcrypto } from 'node:crypto'
import type { KeyTransport } from './algorithms.ts'

export type Oaep = Exclude<KeyTransport, 'rsa-pkcs1'>

const HASH: Readonly<Record<Oaep, string>> = {
  'rsa-oaep-sha1': 'SHA-1',
  'rsa-oaep-sha256': 'SHA-256',
  'rsa-oaep-sha384': 'SHA-384',
  'rsa-oaep-sha512': 'SHA-512',
}

/**
 * RSAES-OAEP by one private key (RFC 8017 7.1.2), its label empty and MGF1 by the same hash, off the event loop: of what
 * opening a small message costs, this is the most. Of node:crypto's functions webcrypto's alone does it there. The answer
 * is null for whatever the key can make nothing of.
 */
export function oaepBy(key: KeyObject): (how: Oaep, input: Uint8Array) => Promise<Uint8Array | null> {
  const made = new Map<Oaep, webcrypto.CryptoKey>()
  const keyFor = (how: Oaep) => {
    const known = made.get(how)
    if (known !== undefined) return known
    const fresh = key.toCryptoKey({ name: 'RSA-OAEP', hash: HASH[how] }, false, ['decrypt'])
    made.set(how, fresh)
    return fresh
  }
  return async (how, input) => {
    // A key of another algorithm, which a message may name all the same; no secret goes into this answer.
    if (key.asymmetricKeyType !== 'rsa') return null
    return webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, keyFor(how), Buffer.from(input)).then(
      (bytes) => new Uint8Array(bytes),
      // It has no other reason to reject, and its errors must not be told apart (ALG-2).
      () => null,
    )
  }
}
