import { createPublicKey, KeyObject } from 'node:crypto'
import type { Certificate } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { type Digest, hashName, type SignatureScheme } from './algorithms.ts'
import { keyInMemory, type PrivateKey } from './private-key.ts'

const DIGESTS: readonly Digest[] = ['sha-256', 'sha-384', 'sha-512']

export interface SigningForm {
  readonly scheme: SignatureScheme
  readonly digest: Digest
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

  /**
   * `key` is in memory, or elsewhere and asked by two functions; of the latter nothing shows here that it belongs to the
   * certificate. Throws DirectError `KEY_MISMATCH` when a key in memory is another certificate's.
   */
  static of(
    certificate: Certificate,
    intermediates: readonly Certificate[],
    key: KeyObject | PrivateKey,
  ): Identity {
    if (!(key instanceof KeyObject)) return new Identity(certificate, intermediates, key)
    if (!createPublicKey(key).equals(certificate.publicKey)) {
      throw new DirectError(
        'KEY_MISMATCH',
        `the private key does not belong to certificate ${certificate.sha256}`,
        {
          hint: 'Name the key file that the certificate was requested with.',
        },
      )
    }
    return new Identity(certificate, intermediates, keyInMemory(key))
  }

  static is(value: unknown): value is Identity {
    return typeof value === 'object' && value !== null && #brand in value
  }

  /** What the key can do of what is configured: EC and RSA-PSS keys have one scheme, and some of the latter one digest. */
  signsBy({ scheme, digest }: SigningForm): SigningForm {
    const { key, publicKey } = this.certificate
    if (key.type === 'ec') return { scheme: 'ecdsa', digest }
    if (key.type !== 'rsa-pss') return { scheme: scheme === 'ecdsa' ? 'rsa-pkcs1' : scheme, digest }
    // RFC 4055 3.1: the parameters of the key, where it has any.
    const only = publicKey.asymmetricKeyDetails?.hashAlgorithm
    return { scheme: 'rsa-pss', digest: DIGESTS.find((one) => hashName(one) === only) ?? digest }
  }
}
