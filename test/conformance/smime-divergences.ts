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

const NO_CONTENT = 'MALFORMED: the signed file holds no content'
const NOT_ENCRYPTED = 'NOT_ENCRYPTED'
const OTHER_RECIPIENTS = 'NOT_FOR_US'
const DSA = 'ALGORITHM_REFUSED: DSA with SHA-1'
/** Of its author's algorithms the policy of ALG comes first; SHA-1 would be the next reason. */
const RSA_1024 = 'less than 2048 bits'
const TRIPLE_DES = 'ALGORITHM_REFUSED: 3DES'

/** Of the corpora below, how every example's answer begins or ends: their authors name none but in words. */
export const OPENSSL_CMS: Readonly<Record<string, string>> = {
  '80-test_cms_data/bad_signtime_attr.cms': 'SIGNATURE_INVALID',
  '80-test_cms_data/ct_multiple_attr.cms': 'SIGNATURE_INVALID',
  '80-test_cms_data/no_ct_attr.cms': 'SIGNATURE_INVALID',
  '80-test_cms_data/no_md_attr.cms': 'SIGNATURE_INVALID',
  '80-test_cms_data/ciphertext_from_1_1_1.cms': TRIPLE_DES,
  // OpenSSL once read parameters that these lack. A label that names no parameters is still one; a key agreement
  // without a key wrap is none.
  '80-test_cms_data/rsa-malformed.der': 'ALGORITHM_REFUSED: RSA-OAEP with a label',
  '80-test_cms_data/ecdh-malformed.der': 'UNDECRYPTABLE',
  '80-test_cms_data/dh-malformed.der': OTHER_RECIPIENTS,
  '80-test_cms_data/pkcs7-md4.pem': 'ALGORITHM_REFUSED: MD4',
  'pkcs7-1.pem': 'ALGORITHM_REFUSED: MD2',
  'pkcs7.pem': 'MALFORMED',
  'smime-eml/SignedInvalidMappingFromanyPolicyTest7.eml': 'signed: rsa-pkcs1, sha-256',
}

export const RFC4134: Readonly<Record<string, string>> = {
  '3.1.bin': NOT_ENCRYPTED,
  '3.2.bin': NOT_ENCRYPTED,
  '4.1.bin': DSA,
  '4.2.bin': RSA_1024,
  '4.3.bin': NO_CONTENT,
  '4.4.bin': DSA,
  '4.5.bin': RSA_1024,
  '4.6.bin': DSA,
  '4.7.bin': DSA,
  '4.8.eml': DSA,
  '4.9.eml': DSA,
  '4.10.bin': DSA,
  '4.11.bin': NO_CONTENT,
  '5.1.bin': TRIPLE_DES,
  '5.2.bin': 'ALGORITHM_REFUSED: RC2',
  '5.3.eml': TRIPLE_DES,
  '6.0.bin': NOT_ENCRYPTED,
  '7.1.bin': NOT_ENCRYPTED,
  '7.2.bin': NOT_ENCRYPTED,
}

export const RFC9216: Readonly<Record<string, string>> = {
  'binary-files/signedByAliceRSA.p7m': 'signed: rsa-pkcs1, sha-256',
  'binary-files/signedByAliceRSAPSS.p7m': 'signed: rsa-pss, sha-256',
  // Carlos, whose key is Ed25519, neither helps nor harms (IN-6).
  'binary-files/signedByAliceAndCarlosNoCerts.p7m': 'signed: rsa-pkcs1, sha-256',
  'binary-files/signedByCarlosEd25519.p7m': 'ALGORITHM_REFUSED: Ed25519',
  'binary-files/signedByCarlosDetached.p7m': NO_CONTENT,
  'binary-files/encryptedForBobRSAOaep.p7m': 'decrypted: rsa-oaep-sha256, aes-128-cbc',
  'binary-files/encryptedForBobAndDana.p7m': 'decrypted: rsa-oaep-sha256, aes-128-cbc',
  'binary-files/encryptedKekri.p7m': OTHER_RECIPIENTS,
  'binary-files/authEnvelopedForBobChaCha20Poly1305.p7m': 'ALGORITHM_REFUSED: ChaCha20-Poly1305',
  'binary-files/authEnvelopedForDanaX25519HKDF.p7m': 'ALGORITHM_REFUSED: ECDH with HKDF',
}
