import { constants } from 'node:crypto'
import { context, NULL, oid, sequence, smallInteger, tlv } from '../ber/der.ts'
import { type AlgorithmIdentifier, readSmallInteger } from './algorithm-identifier.ts'
import type { Digest, ReceivedDigest } from './digest.ts'
import { OID } from './object-identifiers.ts'
import { type Refused, refuse } from './refused.ts'
import { hashAndMask, readFields, readHashAndMask } from './rsa-parameters.ts'

/** Names are those of the configuration; EC keys have `ecdsa`. */
export type SignatureScheme = 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa'

/** RFC 4055 3. */
const PSS = '1.2.840.113549.1.1.10'

const ECDSA_OID: Readonly<Record<Digest, string>> = {
  'sha-256': '1.2.840.10045.4.3.2',
  'sha-384': '1.2.840.10045.4.3.3',
  'sha-512': '1.2.840.10045.4.3.4',
}

/** A key type that stands for a signature by such a key; the digest is the SignerInfo's (RFC 3370 3.2). */
const BY_KEY_TYPE: Readonly<Record<string, SignatureScheme>> = {
  [OID.rsaEncryption]: 'rsa-pkcs1',
  // id-ecPublicKey: no RFC has it so, some programs do.
  '1.2.840.10045.2.1': 'ecdsa',
}

/** Named together with their digest: RFC 8017 A.2.4, RFC 3279 2.2.3, RFC 5754 3.3. */
const WITH_DIGEST: Readonly<Record<string, readonly [SignatureScheme, ReceivedDigest]>> = {
  '1.2.840.113549.1.1.5': ['rsa-pkcs1', 'sha-1'],
  '1.3.14.3.2.29': ['rsa-pkcs1', 'sha-1'],
  '1.2.840.113549.1.1.11': ['rsa-pkcs1', 'sha-256'],
  '1.2.840.113549.1.1.12': ['rsa-pkcs1', 'sha-384'],
  '1.2.840.113549.1.1.13': ['rsa-pkcs1', 'sha-512'],
  '1.2.840.10045.4.1': ['ecdsa', 'sha-1'],
  [ECDSA_OID['sha-256']]: ['ecdsa', 'sha-256'],
  [ECDSA_OID['sha-384']]: ['ecdsa', 'sha-384'],
  [ECDSA_OID['sha-512']]: ['ecdsa', 'sha-512'],
}

const DIGEST_BYTES: Readonly<Record<ReceivedDigest, number>> = {
  'sha-1': 20,
  'sha-256': 32,
  'sha-384': 48,
  'sha-512': 64,
}

/** What made a signature, as far as node:crypto has to know it. */
export interface SignatureAlgorithm {
  readonly scheme: SignatureScheme
  /** RSA-PSS only, in bytes; absent: as many as the digest has. */
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
export function signatureOptions({ scheme, saltBytes }: SignatureAlgorithm, digest: ReceivedDigest) {
  if (scheme === 'ecdsa') return { dsaEncoding: 'der' } as const
  if (scheme === 'rsa-pkcs1') return { padding: constants.RSA_PKCS1_PADDING }
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltBytes ?? DIGEST_BYTES[digest] }
}

/**
 * Reads a SignerInfo's signatureAlgorithm beside its digest, with which every name or parameter that holds one must
 * agree (ALG-1). SHA-1 is read in every scheme: what it counts for is judged once, by the digest (ALG-4). Throws
 * CmsError for parameters that are none.
 */
export function readSignatureAlgorithm(
  { algorithm, parameters }: AlgorithmIdentifier,
  digest: ReceivedDigest,
): SignatureAlgorithm | Refused {
  const byKeyType = BY_KEY_TYPE[algorithm]
  if (byKeyType !== undefined) return { scheme: byKeyType }
  if (algorithm === PSS) return readPss(parameters, digest)
  const named = WITH_DIGEST[algorithm]
  if (named === undefined) return refuse('the signature algorithm', algorithm)
  const [scheme, own] = named
  return own === digest ? { scheme } : contradiction(own, digest)
}

/** RFC 4055 3.1. */
function readPss(
  parameters: AlgorithmIdentifier['parameters'],
  digest: ReceivedDigest,
): SignatureAlgorithm | Refused {
  const field = readFields(parameters)
  const own = readHashAndMask('PSS', field)
  if (typeof own !== 'string') return own
  if (own !== digest) return contradiction(own, digest)
  if (readSmallInteger(field(3), 1) !== 1)
    return { code: 'ALGORITHM_REFUSED', text: 'RSA-PSS with a trailer of its own is not accepted' }
  return { scheme: 'rsa-pss', saltBytes: readSmallInteger(field(2), DIGEST_BYTES['sha-1']) }
}

function contradiction(own: ReceivedDigest, digest: ReceivedDigest): Refused {
  const text = `a signature over ${own} stands beside a digest of ${digest}`
  return { code: 'ALGORITHM_REFUSED', text }
}
