import { constants, type KeyObject, verify } from 'node:crypto'
import { DerReader, oidText, readOnly, smallInteger, TAG } from '../x509/der.ts'
import { readSignatureAlgorithm, type SignatureDigest } from '../x509/signature.ts'

/** What a CRL and an OCSP response have in common: bytes, and somebody's signature over them. */
export interface Signed {
  /** Exactly what was signed. */
  readonly tbs: Uint8Array
  readonly scheme: Scheme
  readonly signature: Uint8Array
}

/** A signature's AlgorithmIdentifier with its parameters (RFC 4055, RFC 5758). */
export interface Scheme {
  readonly oid: string
  /** Null: none that we know. */
  readonly digest: SignatureDigest | null
  /** RSASSA-PSS only. Null: it is another algorithm, or has parameters that node:crypto cannot check. */
  readonly saltLength: number | null
}

const RSASSA_PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'
const SHA1 = '1.3.14.3.2.26'
/** Which keys sign so: an OID of another arc (DSA, EdDSA) is not accepted, whatever digest it names. */
const ARCS = [
  { arc: '1.2.840.113549.1.1.', type: 'rsa' },
  { arc: '1.2.840.10045.4.', type: 'ec' },
] as const

const NODE_DIGESTS: Readonly<Partial<Record<SignatureDigest, string>>> = {
  'sha-1': 'sha1',
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
}

/** Throws `Malformed`. */
export function readScheme(algorithm: Uint8Array): Scheme {
  const { algorithm: oid, digest } = readSignatureAlgorithm(algorithm)
  return { oid, digest, saltLength: oid === RSASSA_PSS ? pssSaltLength(algorithm) : null }
}

/** Why signatures of this scheme are not accepted (ALG), as the end of a sentence; null where they are. */
export function refusedScheme({ oid, digest, saltLength }: Scheme, sha1: boolean): string | null {
  if (digest === 'md2' || digest === 'md5') return `is signed with ${digest.toUpperCase()}`
  if (digest === 'sha-1' && !sha1) return 'is signed with SHA-1'
  if (digest === null || NODE_DIGESTS[digest] === undefined || keyTypeFor(oid) === undefined) {
    return `is signed with an algorithm that is not accepted (${oid})`
  }
  if (oid === RSASSA_PSS && saltLength === null) {
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
  issuer: { readonly spki: Uint8Array; readonly publicKey: KeyObject },
  spend: () => boolean,
): boolean | null {
  const known = verdicts.get(signed) ?? new Map<string, boolean>()
  const key = Buffer.from(issuer.spki).toString('base64')
  const before = known.get(key)
  if (before !== undefined) return before
  if (!spend()) return null
  const verdict = check(signed, issuer.publicKey)
  if (known.size >= VERDICTS_LIMIT) known.clear()
  verdicts.set(signed, known.set(key, verdict))
  return verdict
}

function check({ tbs, scheme, signature }: Signed, key: KeyObject): boolean {
  const { oid, saltLength } = scheme
  const digest = scheme.digest === null ? undefined : NODE_DIGESTS[scheme.digest]
  const type = key.asymmetricKeyType
  if (digest === undefined) return false
  try {
    if (oid === RSASSA_PSS) {
      if ((type !== 'rsa' && type !== 'rsa-pss') || saltLength === null) return false
      return verify(digest, tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature)
    }
    return type === keyTypeFor(oid) && verify(digest, tbs, key, signature)
  } catch {
    // OpenSSL throws instead of answering where a PSS key's own parameters forbid the signature's.
    return false
  }
}

const keyTypeFor = (oid: string) => ARCS.find(({ arc }) => oid.startsWith(arc))?.type

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
