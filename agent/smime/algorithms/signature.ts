import { constants } from 'node:crypto'
import { context, NULL, oid, sequence, smallInteger, tlv } from '../ber/der.ts'
import { type Algorithm, hashAndMask, readHashAndMask, readSmallInteger, readTagged } from './algorithm.ts'
import type { Digest, ReceivedDigest } from './digest.ts'
import { OID } from './object-identifiers.ts'
import { type Refused, refuse } from './refused.ts'

/** Names are those of the configuration; EC keys have `ecdsa`. */
export type SignatureScheme = 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa'

/** RFC 4055 3. */
const PSS = '1.2.840.113549.1.1.10'

/** RSA with PKCS#1 v1.5 padding, named together with its digest (RFC 8017 A.2.4). */
const RSA_DIGEST: Readonly<Record<string, ReceivedDigest>> = {
  '1.2.840.113549.1.1.5': 'sha-1',
  '1.3.14.3.2.29': 'sha-1',
  '1.2.840.113549.1.1.11': 'sha-256',
  '1.2.840.113549.1.1.12': 'sha-384',
  '1.2.840.113549.1.1.13': 'sha-512',
}

/** RFC 5754 3.3. Some write the bare key type, id-ecPublicKey, and mean the digest beside it. */
const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const ECDSA_OID: Readonly<Record<Digest, string>> = {
  'sha-256': '1.2.840.10045.4.3.2',
  'sha-384': '1.2.840.10045.4.3.3',
  'sha-512': '1.2.840.10045.4.3.4',
}
const ECDSA_DIGEST: Readonly<Record<string, Digest>> = Object.fromEntries(
  Object.entries(ECDSA_OID).map(([digest, id]) => [id, digest as Digest]),
)

const DIGEST_BYTES: Readonly<Record<ReceivedDigest, number>> = {
  'sha-1': 20,
  'sha-256': 32,
  'sha-384': 48,
  'sha-512': 64,
}

/** How a signature was made, as far as node:crypto has to know. */
export interface SignatureForm {
  readonly scheme: SignatureScheme
  /** RSA-PSS only, in bytes. */
  readonly saltBytes?: number
}

/** RFC 3370 3.2, RFC 4056 3 (a salt as long as the digest), RFC 5754 3.3. */
export function signatureAlgorithm(scheme: SignatureScheme, digest: Digest): Uint8Array {
  if (scheme === 'ecdsa') return sequence(oid(ECDSA_OID[digest]))
  if (scheme === 'rsa-pkcs1') return sequence(oid(OID.rsaEncryption), NULL)
  const salt = tlv(context(2), smallInteger(DIGEST_BYTES[digest]))
  return sequence(oid(PSS), sequence(...hashAndMask(digest), salt))
}

/** What node:crypto's sign and verify take beside the key. */
export function signatureOptions({ scheme, saltBytes }: SignatureForm, digest: ReceivedDigest) {
  if (scheme === 'ecdsa') return { dsaEncoding: 'der' } as const
  if (scheme === 'rsa-pkcs1') return { padding: constants.RSA_PKCS1_PADDING }
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltBytes ?? DIGEST_BYTES[digest] }
}

/**
 * `rsaEncryption` and `id-ecPublicKey` take the SignerInfo's digest; the combined names, and the parameters of PSS, must
 * agree with it (ALG-1). Throws CmsError.
 */
export function readSignature(
  { algorithmId, algorithmParams }: Algorithm,
  digest: ReceivedDigest,
): SignatureForm | Refused {
  if (algorithmId === OID.rsaEncryption) return { scheme: 'rsa-pkcs1' }
  if (algorithmId === EC_PUBLIC_KEY && digest !== 'sha-1') return { scheme: 'ecdsa' }
  const tagged = algorithmId === PSS ? readTagged(algorithmParams) : null
  const own =
    RSA_DIGEST[algorithmId] ??
    ECDSA_DIGEST[algorithmId] ??
    (tagged === null ? refuse('the signature algorithm', algorithmId) : readHashAndMask('PSS', tagged))
  if (typeof own !== 'string') return own
  if (own !== digest)
    return { code: 'ALGORITHM_REFUSED', text: `a signature over ${own} stands beside a digest of ${digest}` }
  if (tagged === null) return { scheme: algorithmId in RSA_DIGEST ? 'rsa-pkcs1' : 'ecdsa' }
  if (readSmallInteger(tagged(3), 1) !== 1)
    return { code: 'ALGORITHM_REFUSED', text: 'RSA-PSS with a trailer of its own is not accepted' }
  return { scheme: 'rsa-pss', saltBytes: readSmallInteger(tagged(2), DIGEST_BYTES['sha-1']) }
}
