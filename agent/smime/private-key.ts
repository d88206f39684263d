import { createPublicKey, diffieHellman, type KeyObject, privateDecrypt, sign } from 'node:crypto'
import {
  type Digest,
  hashName,
  type KeyTransport,
  orNull,
  rsaPadding,
  type SignatureScheme,
  signatureOptions,
} from './algorithms.ts'
import { oaepBy } from './oaep.ts'

/**
 * What a private key is asked to do: all that the agent needs of it, so that a hardware module or a key service can stand
 * behind the same two functions. Either rejects, with whatever error, only where the answer cannot be had now: a message
 * that is being sent does not leave then, one that was received waits and is tried again.
 */
export interface PrivateKey {
  /**
   * A signature over `data`: RSA PKCS#1 v1.5 (RFC 8017 8.2.1), RSA-PSS with MGF1 of the same digest and a salt as long
   * as it (RFC 8017 8.1.1), or ECDSA as DER (RFC 3279 2.2.3).
   */
  sign(
    how: { readonly scheme: SignatureScheme; readonly digest: Digest },
    data: Uint8Array,
  ): Promise<Uint8Array>
  /**
   * The content key that was encrypted to this key; null, and no rejection, when the padding is wrong or the key can make
   * nothing of the input. For `rsa-pkcs1` a wrong padding yields bytes that depend on key and ciphertext alone (implicit
   * rejection, ALG-2), so the answer says nothing about the padding. For `ecdh`, `input` is the other side's public key
   * (DER of a SubjectPublicKeyInfo), and the answer the shared secret Z, the x-coordinate in as many bytes as the field
   * has (SEC 1 3.3.1).
   */
  decrypt(how: KeyTransport | 'ecdh', input: Uint8Array): Promise<Uint8Array | null>
}

/** A key that this process holds. RSA signs, and decrypts OAEP, off the event loop; for the rest node:crypto has no such function. */
export function keyInMemory(key: KeyObject): PrivateKey {
  const oaep = oaepBy(key)
  return {
    sign: ({ scheme, digest }, data) =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, signature: Buffer) => (error ? reject(error) : resolve(signature))
        // The other schemes are node:crypto's defaults. It takes options for a key first, and finds by exceptions that
        // they are none: longer than all else that signing costs the event loop.
        const how = scheme === 'rsa-pss' ? { key, ...signatureOptions({ scheme }, digest) } : key
        sign(hashName(digest), data, how, done)
      }),
    decrypt: (how, input) => {
      if (how !== 'ecdh' && how !== 'rsa-pkcs1') return oaep(how, input)
      const answer = orNull(() => {
        if (how === 'rsa-pkcs1') return privateDecrypt({ key, ...rsaPadding(how) }, input)
        const publicKey = createPublicKey({ key: Buffer.from(input), format: 'der', type: 'spki' })
        return diffieHellman({ privateKey: key, publicKey })
      })
      return Promise.resolve(answer)
    },
  }
}
