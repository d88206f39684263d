import { constants, type KeyObject, verify } from 'node:crypto'
import type { Certificate } from '../x509/certificate.ts'
import { DerReader, oidText, readOnly, smallInteger, TAG } from '../x509/der.ts'
import {
  type AcceptedAlgorithms,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
  type SignatureDigest,
} from '../x509/signature.ts'

/** What a CRL and an OCSP response have in common: bytes, and somebody's signature over them. */
export interface Signed {
  /** Exactly what was signed. */
  readonly tbs: Uint8Array
  readonly scheme: Scheme
  readonly signature: Uint8Array
}

/** A signature's AlgorithmIdentifier with its parameters (RFC 4055, RFC 5758). */
export interface Scheme extends SignatureAlgorithm {
  /** RSASSA-PSS only. Null: it is another algorithm, or has parameters that node:crypto cannot check. */
  readonly saltLength: number | null
}

const MGF1 = '1.2.840.113549.1.1.8'
const SHA1 = '1.3.14.3.2.26'
const NODE_DIGESTS: Readonly<Partial<Record<SignatureDigest, string>>> = {
  'sha-1': 'sha1',
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
}

/** Throws `Malformed`. */
export function readScheme(der: Uint8Array): Scheme {
  const read = readSignatureAlgorithm(der)
  return { ...read, saltLength: read.scheme === 'rsa-pss' ? pssSaltLength(der) : null }
}

/** Why signatures of this scheme are not accepted (ALG), as the end of a sentence; null where they are. */
export function refusedScheme(
  { algorithm, scheme, digest, saltLength }: Scheme,
  { sha1, signatureAlgorithms }: AcceptedAlgorithms,
): string | null {
  if (digest === 'md2' || digest === 'md5') return `is signed with ${digest.toUpperCase()}`
  if (digest === 'sha-1' && !sha1) return 'is signed with SHA-1'
  const isKnown =
    scheme === 'rsa' ||
    scheme === 'rsa-pss' ||
    scheme === 'ecdsa' ||
    (scheme === 'dsa' && signatureAlgorithms === 'any')
  if (!isKnown || digest === null || NODE_DIGESTS[digest] === undefined) {
    return `is signed with an algorithm that is not accepted (${algorithm})`
  }
  if (scheme === 'rsa-pss' && saltLength === null) {
    return 'is signed with RSA-PSS whose MGF1 has another hash than the signature, which is not supported'
  }
  return null
}

/** Verdicts by key: many certificates under one CRL cost one check. They go when the CRL goes. */
const verdicts = new WeakMap<Signed, Map<string, boolean>>()
const VERDICTS_LIMIT = 32

/**
 * Whether this key made the signature. A check that has not been made before asks `spend` first; null: it said no.
 * Whether the scheme is acceptable is `refusedScheme`'s to say.
 */
export function isSignedBy(
  signed: Signed,
  issuer: Pick<Certificate, 'spkiSha256' | 'publicKey'>,
  spend: () => boolean,
): boolean | null {
  const known = verdicts.get(signed) ?? new Map<string, boolean>()
  const before = known.get(issuer.spkiSha256)
  if (before !== undefined) return before
  if (!spend()) return null
  const verdict = check(signed, issuer.publicKey)
  if (known.size >= VERDICTS_LIMIT) known.clear()
  verdicts.set(signed, known.set(issuer.spkiSha256, verdict))
  return verdict
}

function check({ tbs, scheme: { scheme, digest, saltLength }, signature }: Signed, key: KeyObject): boolean {
  const hash = digest === null ? undefined : NODE_DIGESTS[digest]
  const type = key.asymmetricKeyType
  if (hash === undefined) return false
  try {
    switch (scheme) {
      case 'rsa':
        return type === 'rsa' && verify(hash, tbs, key, signature)
      case 'ecdsa':
        return type === 'ec' && verify(hash, tbs, key, signature)
      case 'dsa':
        return type === 'dsa' && verify(hash, tbs, key, signature)
      case 'rsa-pss': {
        if ((type !== 'rsa' && type !== 'rsa-pss') || saltLength === null) return false
        const padding = constants.RSA_PKCS1_PSS_PADDING
        return verify(hash, tbs, { key, padding, saltLength }, signature)
      }
      default:
        return false
    }
  } catch {
    // OpenSSL throws instead of answering where a PSS key's own parameters forbid the signature's.
    return false
  }
}

/** RFC 4055 3.1. Null: node:crypto gives MGF1 the signature's own hash and no other, and knows one trailer. */
function pssSaltLength(algorithm: Uint8Array): number | null {
  const fields = new DerReader(readOnly(algorithm, TAG.SEQUENCE).content)
  fields.next(TAG.OID)
  if (fields.done) return 20
  const parameters = fields.sequence()
  const hash = parameters.optional(0xa0)
  const mask = parameters.optional(0xa1)
  const salt = parameters.optional(0xa2)
  const trailer = parameters.optional(0xa3)
  parameters.end()
  if (trailer !== null && smallInteger(readOnly(trailer.content, TAG.INTEGER).content) !== 1) return null
  const maskHash = mask === null ? SHA1 : mgf1Hash(mask.content)
  if (maskHash !== (hash === null ? SHA1 : algorithmOid(hash.content))) return null
  return salt === null ? 20 : smallInteger(readOnly(salt.content, TAG.INTEGER).content)
}

function mgf1Hash(content: Uint8Array): string | null {
  const fields = new DerReader(readOnly(content, TAG.SEQUENCE).content)
  return fields.oid() === MGF1 ? algorithmOid(fields.next(TAG.SEQUENCE).raw) : null
}

/** The OID of an AlgorithmIdentifier. */
export function algorithmOid(der: Uint8Array): string {
  return oidText(new DerReader(readOnly(der, TAG.SEQUENCE).content).next(TAG.OID).content)
}
