import { type AlgorithmIdentifier, RSAESOAEPParams } from 'pkijs'
import type { Reason } from '../errors.ts'
import { context, NULL, oid, sequence, TAG, tlv } from './der.ts'

/**
 * The table of protocol.md ALG as far as it is built: RSA keys, AES-CBC, SHA-2. What is refused is refused by its name,
 * and what is only not built yet says so. Names are those of the configuration (cli.md).
 */

export type Digest = 'sha-256' | 'sha-384' | 'sha-512'
/** SHA-1 is read so that it can be told apart; whether it may count is the caller's decision (ALG-4). */
export type ReceivedDigest = Digest | 'sha-1'
export type ContentCipher = 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc'
export type KeyTransport =
  | 'rsa-oaep-sha1'
  | 'rsa-oaep-sha256'
  | 'rsa-oaep-sha384'
  | 'rsa-oaep-sha512'
  | 'rsa-pkcs1'

export type Refused = Reason<'ALGORITHM_REFUSED'>

export const OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  smimeCapabilities: '1.2.840.113549.1.9.15',
  rsaEncryption: '1.2.840.113549.1.1.1',
  rsaOaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  pSpecified: '1.2.840.113549.1.1.9',
} as const

const DIGEST_OID: Readonly<Record<ReceivedDigest, string>> = {
  'sha-1': '1.3.14.3.2.26',
  'sha-256': '2.16.840.1.101.3.4.2.1',
  'sha-384': '2.16.840.1.101.3.4.2.2',
  'sha-512': '2.16.840.1.101.3.4.2.3',
}

const CIPHER_OID: Readonly<Record<ContentCipher, string>> = {
  'aes-128-cbc': '2.16.840.1.101.3.4.1.2',
  'aes-192-cbc': '2.16.840.1.101.3.4.1.22',
  'aes-256-cbc': '2.16.840.1.101.3.4.1.42',
}

/** RSA with PKCS#1 v1.5 padding, named together with its digest (RFC 8017 A.2.4). */
const SIGNATURE_DIGEST: Readonly<Record<string, ReceivedDigest>> = {
  '1.2.840.113549.1.1.5': 'sha-1',
  '1.3.14.3.2.29': 'sha-1',
  '1.2.840.113549.1.1.11': 'sha-256',
  '1.2.840.113549.1.1.12': 'sha-384',
  '1.2.840.113549.1.1.13': 'sha-512',
}

/** What is known well enough to be refused by name. */
const REFUSED_NAME: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.2': 'MD2',
  '1.2.840.113549.2.4': 'MD4',
  '1.2.840.113549.2.5': 'MD5',
  '1.2.840.113549.1.1.2': 'MD2 with RSA',
  '1.2.840.113549.1.1.4': 'MD5 with RSA',
  '2.16.840.1.101.3.4.2.4': 'SHA-224',
  '1.2.840.113549.1.1.14': 'SHA-224 with RSA',
  '1.2.840.10040.4.1': 'DSA',
  '1.2.840.10040.4.3': 'DSA with SHA-1',
  '1.2.840.10045.4.1': 'ECDSA with SHA-1',
  '1.2.840.113549.3.7': '3DES (DES-EDE3-CBC)',
  '1.2.840.113549.3.2': 'RC2',
  '1.2.840.113549.3.4': 'RC4',
  '1.3.14.3.2.7': 'DES',
  '2.16.840.1.101.3.4.1.26': 'AES-192-GCM',
}

const NOT_BUILT_NAME: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.10': 'RSA-PSS',
  '1.2.840.10045.2.1': 'ECDSA',
  '1.2.840.10045.4.3.2': 'ECDSA with SHA-256',
  '1.2.840.10045.4.3.3': 'ECDSA with SHA-384',
  '1.2.840.10045.4.3.4': 'ECDSA with SHA-512',
  '2.16.840.1.101.3.4.1.6': 'AES-128-GCM',
  '2.16.840.1.101.3.4.1.46': 'AES-256-GCM',
}

/** Key size of a content cipher, in bytes. */
export function keyBytes(cipher: ContentCipher): number {
  return Number(cipher.slice(4, 7)) / 8
}

/** Initialisation vector and block of AES-CBC, in bytes. */
export const BLOCK_BYTES = 16

/** node:crypto's name of a digest. */
export function hashName(digest: ReceivedDigest): string {
  return digest.replace('-', '')
}

/** The OAEP hash, which is MGF1's as well; null for PKCS#1 v1.5. */
export function oaepHash(transport: KeyTransport): string | null {
  return transport === 'rsa-pkcs1' ? null : transport.slice('rsa-oaep-'.length)
}

/** RFC 5754 2: SHA-2 is written without parameters. */
export function digestAlgorithm(digest: Digest): Uint8Array {
  return sequence(oid(DIGEST_OID[digest]))
}

/** RFC 3370 3.2: rsaEncryption is written with NULL. */
export function signatureAlgorithm(): Uint8Array {
  return sequence(oid(OID.rsaEncryption), NULL)
}

/** RFC 3565 4.1. Without `iv` it is the capability of RFC 8551 2.5.2. */
export function contentAlgorithm(cipher: ContentCipher, iv?: Uint8Array): Uint8Array {
  return sequence(oid(CIPHER_OID[cipher]), ...(iv === undefined ? [] : [tlv(TAG.OCTET_STRING, iv)]))
}

/** RFC 3370 4.2.1 and RFC 4055 4.1: OAEP names its hash and MGF1 explicitly, but for SHA-1, which is the default. */
export function keyTransportAlgorithm(transport: KeyTransport): Uint8Array {
  if (transport === 'rsa-pkcs1') return sequence(oid(OID.rsaEncryption), NULL)
  if (transport === 'rsa-oaep-sha1') return sequence(oid(OID.rsaOaep), sequence())
  const hash = sequence(oid(DIGEST_OID[`sha-${transport.slice(-3)}` as Digest]), NULL)
  const mask = sequence(oid(OID.mgf1), hash)
  return sequence(oid(OID.rsaOaep), sequence(tlv(context(0), hash), tlv(context(1), mask)))
}

/** Digest of a SignerInfo; parameters do not matter (RFC 5754 2). */
export function readDigest(id: string): ReceivedDigest | Refused {
  return named(DIGEST_OID, id) ?? refuse('the digest', id)
}

/** `rsaEncryption` takes the SignerInfo's digest; the combined names must agree with it (ALG-1). */
export function readSignature(id: string, digest: ReceivedDigest): 'rsa-pkcs1' | Refused {
  if (id === OID.rsaEncryption || SIGNATURE_DIGEST[id] === digest) return 'rsa-pkcs1'
  const other = SIGNATURE_DIGEST[id]
  if (other === undefined) return refuse('the signature algorithm', id)
  return { code: 'ALGORITHM_REFUSED', text: `A signature over ${other} stands beside a digest of ${digest}` }
}

export function readContentCipher(id: string): ContentCipher | Refused {
  return named(CIPHER_OID, id) ?? refuse('the content encryption', id)
}

/** ALG: PKCS#1 v1.5, or OAEP whose MGF1 hash is its hash and whose label is empty. */
export function readKeyTransport(algorithm: AlgorithmIdentifier): KeyTransport | Refused {
  const { algorithmId, algorithmParams } = algorithm
  if (algorithmId === OID.rsaEncryption) return 'rsa-pkcs1'
  if (algorithmId !== OID.rsaOaep) return refuse('the key transport', algorithmId)
  const parameters =
    algorithmParams === undefined || algorithmParams.idBlock.tagNumber === TAG.NULL
      ? new RSAESOAEPParams()
      : new RSAESOAEPParams({ schema: algorithmParams })
  const hash = named(DIGEST_OID, parameters.hashAlgorithm.algorithmId)
  if (hash === undefined) return refuse('the OAEP hash', parameters.hashAlgorithm.algorithmId)
  const mask = parameters.maskGenAlgorithm
  if (mask.algorithmId !== OID.mgf1) return refuse('the OAEP mask generation', mask.algorithmId)
  const maskHash = mask.algorithmParams?.valueBlock?.value?.[0]?.valueBlock?.toString() ?? ''
  if (maskHash !== DIGEST_OID[hash]) {
    const name = named(DIGEST_OID, maskHash) ?? describe(maskHash)
    return {
      code: 'ALGORITHM_REFUSED',
      text: `RSA-OAEP with ${hash} and MGF1 with ${name}: the two must be equal`,
    }
  }
  if (!hasEmptyLabel(parameters.pSourceAlgorithm)) {
    return { code: 'ALGORITHM_REFUSED', text: 'RSA-OAEP with a label is not accepted' }
  }
  return `rsa-oaep-${hashName(hash)}` as KeyTransport
}

/** A KeyAgreeRecipientInfo (RFC 5652 6.2.2). */
export function refuseKeyAgreement(): Refused {
  return { code: 'ALGORITHM_REFUSED', text: 'Key agreement (ECDH) is not built yet; RSA key transport is' }
}

function hasEmptyLabel(source: AlgorithmIdentifier): boolean {
  const label: Uint8Array | undefined = source.algorithmParams?.valueBlock?.valueHexView
  return source.algorithmId === OID.pSpecified && (label?.length ?? 0) === 0
}

function named<Name extends string>(table: Readonly<Record<Name, string>>, id: string): Name | undefined {
  return (Object.keys(table) as Name[]).find((name) => table[name] === id)
}

function refuse(what: string, id: string): Refused {
  const later = NOT_BUILT_NAME[id]
  const text =
    later === undefined
      ? `${describe(id)} is not accepted as ${what}`
      : `${later} is not built yet and cannot be ${what}`
  return { code: 'ALGORITHM_REFUSED', text }
}

function describe(id: string): string {
  return REFUSED_NAME[id] ?? `An unknown algorithm (${/^[\d.]{1,100}$/.test(id) ? id : 'unreadable'})`
}
