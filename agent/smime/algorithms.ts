import { context, NULL, oid, sequence, TAG, tlv } from './der.ts'

/**
 * The table of protocol.md ALG as far as it is built: RSA keys, AES-CBC, SHA-2; how each is written into CMS. Names are
 * those of the configuration (docs/configuration.md). What is refused stands in algorithm-reader.ts.
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

export const DIGEST_OID: Readonly<Record<ReceivedDigest, string>> = {
  'sha-1': '1.3.14.3.2.26',
  'sha-256': '2.16.840.1.101.3.4.2.1',
  'sha-384': '2.16.840.1.101.3.4.2.2',
  'sha-512': '2.16.840.1.101.3.4.2.3',
}

export const CIPHER_OID: Readonly<Record<ContentCipher, string>> = {
  'aes-128-cbc': '2.16.840.1.101.3.4.1.2',
  'aes-192-cbc': '2.16.840.1.101.3.4.1.22',
  'aes-256-cbc': '2.16.840.1.101.3.4.1.42',
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
