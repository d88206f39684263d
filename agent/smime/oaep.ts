import { type KeyObject, webcrypto } from 'node:crypto'
import type { KeyTransport } from './algorithms.ts'

export type Oaep = Exclude<KeyTransport, 'rsa-pkcs1'>

const HASH: Readonly<Record<Oaep, string>> = {
  'rsa-oaep-sha1': 'SHA-1',
  'rsa-oaep-sha256': 'SHA-256',
  'rsa-oaep-sha384': 'SHA-384',
  'rsa-oaep-sha512': 'SHA-512',
}

/** One object for all calls: Node makes a prototype of what it is given, which takes V8 long of an object it has not seen. */
const RSA_OAEP = { name: 'RSA-OAEP' }

/** The forms that webcrypto has of one key, each made once. */
function formsOf(key: KeyObject, use: 'encrypt' | 'decrypt'): (how: Oaep) => webcrypto.CryptoKey {
  const made = new Map<Oaep, webcrypto.CryptoKey>()
  return (how) => {
    const known = made.get(how)
    if (known !== undefined) return known
    const fresh = key.toCryptoKey({ ...RSA_OAEP, hash: HASH[how] }, false, [use])
    made.set(how, fresh)
    return fresh
  }
}

const recipients = new WeakMap<KeyObject, (how: Oaep) => webcrypto.CryptoKey>()

/** RSAES-OAEP to a public key (RFC 8017 7.1.1), off the event loop. */
export async function oaepTo(key: KeyObject, how: Oaep, input: Uint8Array): Promise<Uint8Array> {
  const forms = recipients.get(key) ?? formsOf(key, 'encrypt')
  recipients.set(key, forms)
  return new Uint8Array(await webcrypto.subtle.encrypt(RSA_OAEP, forms(how), Buffer.from(input)))
}

/**
 * RSAES-OAEP by one private key (RFC 8017 7.1.2), its label empty and MGF1 by the same hash, off the event loop: of what
 * opening a small message costs, this is the most, and node:crypto has no other function that does it there. The answer is
 * null for whatever the key can make nothing of.
 */
export function oaepBy(key: KeyObject): (how: Oaep, input: Uint8Array) => Promise<Uint8Array | null> {
  const forms = formsOf(key, 'decrypt')
  return async (how, input) => {
    // A key of another algorithm, which a message may name all the same; no secret goes into this answer.
    if (key.asymmetricKeyType !== 'rsa') return null
    return webcrypto.subtle.decrypt(RSA_OAEP, forms(how), Buffer.from(input)).then(
      (bytes) => new Uint8Array(bytes),
      // It has no other reason to reject, and its errors must not be told apart (ALG-2).
      () => null,
    )
  }
}
