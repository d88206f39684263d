import { DerReader, oidText, readOnly, TAG } from './der.ts'

export type SignatureDigest = 'md2' | 'md5' | 'sha-1' | 'sha-224' | 'sha-256' | 'sha-384' | 'sha-512'

export type SignatureScheme = 'rsa' | 'rsa-pss' | 'ecdsa' | 'dsa' | 'eddsa'

export interface SignatureAlgorithm {
  /** OID of the AlgorithmIdentifier. */
  readonly algorithm: string
  /** Null: we do not know it. */
  readonly scheme: SignatureScheme | null
  /** Null: the algorithm names none, or we do not know it. */
  readonly digest: SignatureDigest | null
}

/** Which signatures on certificates, CRLs and OCSP responses are accepted. MD5 never is. */
export interface AcceptedAlgorithms {
  /** SHA-1 too (ALG-4). Default false. */
  readonly sha1: boolean
  /** `direct`: those that protocol.md ALG accepts, made by keys that it accepts. `any` (default): all that OpenSSL verifies. */
  readonly signatureAlgorithms: 'direct' | 'any'
}

const RSASSA_PSS = '1.2.840.113549.1.1.10'

const SIGNATURES: Readonly<Record<string, readonly [SignatureScheme, SignatureDigest | null]>> = {
  '1.2.840.113549.1.1.2': ['rsa', 'md2'],
  '1.2.840.113549.1.1.4': ['rsa', 'md5'],
  '1.2.840.113549.1.1.5': ['rsa', 'sha-1'],
  '1.3.14.3.2.29': ['rsa', 'sha-1'],
  '1.2.840.113549.1.1.14': ['rsa', 'sha-224'],
  '1.2.840.113549.1.1.11': ['rsa', 'sha-256'],
  '1.2.840.113549.1.1.12': ['rsa', 'sha-384'],
  '1.2.840.113549.1.1.13': ['rsa', 'sha-512'],
  '1.2.840.10045.4.1': ['ecdsa', 'sha-1'],
  '1.2.840.10045.4.3.1': ['ecdsa', 'sha-224'],
  '1.2.840.10045.4.3.2': ['ecdsa', 'sha-256'],
  '1.2.840.10045.4.3.3': ['ecdsa', 'sha-384'],
  '1.2.840.10045.4.3.4': ['ecdsa', 'sha-512'],
  '1.2.840.10040.4.3': ['dsa', 'sha-1'],
  '2.16.840.1.101.3.4.3.1': ['dsa', 'sha-224'],
  '2.16.840.1.101.3.4.3.2': ['dsa', 'sha-256'],
  '2.16.840.1.101.3.4.3.3': ['dsa', 'sha-384'],
  '2.16.840.1.101.3.4.3.4': ['dsa', 'sha-512'],
  // RFC 8410: the digest is part of the scheme.
  '1.3.101.112': ['eddsa', null],
  '1.3.101.113': ['eddsa', null],
}

const DIGESTS: Readonly<Record<string, SignatureDigest>> = {
  '1.2.840.113549.2.2': 'md2',
  '1.2.840.113549.2.5': 'md5',
  '1.3.14.3.2.26': 'sha-1',
  '2.16.840.1.101.3.4.2.4': 'sha-224',
  '2.16.840.1.101.3.4.2.1': 'sha-256',
  '2.16.840.1.101.3.4.2.2': 'sha-384',
  '2.16.840.1.101.3.4.2.3': 'sha-512',
}

/** The AlgorithmIdentifier of a certificate's signature. */
export function readSignatureAlgorithm(der: Uint8Array): SignatureAlgorithm {
  const fields = new DerReader(readOnly(der, TAG.SEQUENCE).content)
  const algorithm = fields.oid()
  if (algorithm === RSASSA_PSS) {
    return { algorithm, scheme: 'rsa-pss', digest: fields.done ? 'sha-1' : pssDigest(fields.sequence()) }
  }
  const [scheme, digest] = SIGNATURES[algorithm] ?? [null, null]
  return { algorithm, scheme, digest }
}

/** RFC 4055 3.1: the hash is field [0], SHA-1 where it is absent. */
function pssDigest(parameters: DerReader): SignatureDigest | null {
  const hash = parameters.optional(0xa0)
  if (hash === null) return 'sha-1'
  const identifier = new DerReader(readOnly(hash.content, TAG.SEQUENCE).content)
  return DIGESTS[oidText(identifier.next(TAG.OID).content)] ?? null
}
