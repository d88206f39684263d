import { constants, createPublicKey, type KeyObject, privateDecrypt, sign } from 'node:crypto'
import type { Certificate } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { type Digest, hashName, type KeyTransport, oaepHash } from './algorithms.ts'

/** What a private key is asked to do; a hardware module can stand behind the same two functions. */
export interface PrivateKey {
  /** RSA PKCS#1 v1.5 signature over `data` (RFC 8017 8.2.1). */
  sign(digest: Digest, data: Uint8Array): Promise<Uint8Array>
  /**
   * The transported key; null when the padding is wrong. For `rsa-pkcs1` a wrong padding yields bytes that depend on
   * key and ciphertext alone (implicit rejection, ALG-2), so the answer says nothing about the padding.
   */
  decrypt(transport: KeyTransport, encryptedKey: Uint8Array): Promise<Uint8Array | null>
}

/** One of our own certificates with the key that belongs to it. Only `Identity.of` makes one. */
export class Identity {
  readonly #brand = true
  readonly certificate: Certificate
  /** CA certificates that are sent along with signatures. */
  readonly intermediates: readonly Certificate[]
  readonly key: PrivateKey

  private constructor(certificate: Certificate, intermediates: readonly Certificate[], key: PrivateKey) {
    this.certificate = certificate
    this.intermediates = intermediates
    this.key = key
  }

  /** Throws DirectError `KEY_MISMATCH` when the key is another certificate's, `NOT_BUILT` when it is not RSA. */
  static of(certificate: Certificate, intermediates: readonly Certificate[], key: KeyObject): Identity {
    if (key.asymmetricKeyType !== 'rsa') {
      throw new DirectError('NOT_BUILT', `keys of type ${key.asymmetricKeyType} are not built yet`, {
        hint: 'Use a certificate with an RSA key of 2048 bits or more.',
      })
    }
    if (!createPublicKey(key).equals(certificate.publicKey)) {
      throw new DirectError(
        'KEY_MISMATCH',
        `the private key does not belong to certificate ${certificate.sha256}`,
        {
          hint: 'Name the key file that the certificate was requested with.',
        },
      )
    }
    return new Identity(certificate, intermediates, keyObjectPrivateKey(key))
  }

  static is(value: unknown): value is Identity {
    return typeof value === 'object' && value !== null && #brand in value
  }
}

/** A PrivateKey over a key in memory. Signatures are made off the event loop. */
export function keyObjectPrivateKey(key: KeyObject): PrivateKey {
  return {
    sign: (digest, data) =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, signature: Buffer) => (error ? reject(error) : resolve(signature))
        sign(hashName(digest), data, { key, padding: constants.RSA_PKCS1_PADDING }, done)
      }),
    decrypt: async (transport, encryptedKey) => {
      const hash = oaepHash(transport)
      const padding =
        hash === null
          ? { padding: constants.RSA_PKCS1_PADDING }
          : { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }
      try {
        return privateDecrypt({ key, ...padding }, encryptedKey)
      } catch {
        // OAEP says by an exception that the padding is wrong, and RSA that the number is too large. Neither may
        // be told apart from any other failure.
        return null
      }
    },
  }
}
