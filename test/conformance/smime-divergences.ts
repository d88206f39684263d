/**
 * Where the outside corpora of S/MIME expect something else than we do, and why. A test fails as well when a pin is no
 * longer needed.
 */

interface Pin<Vector, Group> {
  readonly covers: (vector: Vector, group: Group) => boolean
  readonly we: 'valid' | 'invalid'
  readonly because: string
}

type Flagged = { readonly flags: readonly string[]; readonly iv?: unknown }
type Sized = { readonly keySize?: number; readonly ivSize?: number }

/** By file. */
export const WYCHEPROOF: Readonly<Record<string, readonly Pin<Flagged, Sized>[]>> = {
  aes_gcm_test: [
    {
      covers: (_, { keySize }) => keySize === 192,
      we: 'invalid',
      because: 'protocol.md ALG: AES-192-GCM is none of the ciphers that are accepted; it is refused by name',
    },
    {
      covers: (_, { ivSize = 0 }) => ivSize > 512,
      we: 'invalid',
      because: 'RFC 5084 3.2: a nonce of 12 bytes is recommended; one of more than 64 is nobody’s',
    },
  ],
  rsa_oaep_2048_sha256_mgf1sha256_test: [
    {
      covers: ({ flags }) => flags.includes('EncryptionWithLabel'),
      we: 'invalid',
      because: 'RFC 4055 4.1: S/MIME has no use for a label; a message that names one is refused by name',
    },
  ],
  rsa_signature_2048_sha256_test: [
    {
      covers: ({ flags }) => flags.includes('MissingNull'),
      we: 'invalid',
      because: 'RFC 8017 8.2.2 by comparing encodings: the DigestInfo has NULL parameters (9.2 note 1)',
    },
  ],
}

/** By message. */
export const THUNDERBIRD: Readonly<Record<string, { readonly we: string; readonly because: string }>> = {
  'alice.future.dsig.SHA256.multipart.eml': {
    we: 'accept',
    because:
      'protocol.md CERT-2: nothing is judged by the claimed signingTime, which lies hours before the Date here',
  },
  ...Object.fromEntries(
    ['SHA1', 'SHA256', 'SHA384', 'SHA512'].map((hash) => [
      `alice.env.dsig.${hash}.multipart.eml`,
      {
        we: 'SIGNATURE_INVALID',
        because: 'the signature is over other bytes than the file has; openssl cms -verify says so, too',
      },
    ]),
  ),
}
