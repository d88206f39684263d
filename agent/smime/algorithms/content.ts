import { oid, sequence, smallInteger, TAG, tlv } from '../ber/der.ts'
import type { Element } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { type AlgorithmIdentifier, readOctets, readSmallInteger } from './algorithm-identifier.ts'
import { nameOf } from './object-identifiers.ts'
import { type Refused, refuse } from './refused.ts'

/** What the content is encrypted with. Names are those of the configuration, and node:crypto's. */
export type ContentCipher = BlockCipher | AuthenticatedCipher
/** For EnvelopedData (RFC 3565): nothing proves that the plaintext is what was encrypted. */
export type BlockCipher = 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc'
/** For AuthEnvelopedData (RFC 5084): the tag proves it. */
export type AuthenticatedCipher = 'aes-128-gcm' | 'aes-256-gcm'
/** 3DES (RFC 3370 5.1): read of partners of `legacy.tripleDesFrom` alone, never written. */
export type LegacyCipher = 'des-ede3-cbc'
export type ReceivedCipher = ContentCipher | LegacyCipher

const BLOCK: Readonly<Record<BlockCipher, string>> = {
  'aes-128-cbc': '2.16.840.1.101.3.4.1.2',
  'aes-192-cbc': '2.16.840.1.101.3.4.1.22',
  'aes-256-cbc': '2.16.840.1.101.3.4.1.42',
}
const LEGACY: Readonly<Record<LegacyCipher, string>> = { 'des-ede3-cbc': '1.2.840.113549.3.7' }
const AUTHENTICATED: Readonly<Record<AuthenticatedCipher, string>> = {
  'aes-128-gcm': '2.16.840.1.101.3.4.1.6',
  'aes-256-gcm': '2.16.840.1.101.3.4.1.46',
}

/** Initialisation vector and block of AES-CBC, in bytes. */
export const BLOCK_BYTES = 16
const LEGACY_BLOCK_BYTES = 8
const LEGACY_KEY_BYTES = 24
/** RFC 5084 3.2: the nonce that is recommended, in bytes. */
export const NONCE_BYTES = 12
/** Tag of the messages that we write, in bytes. RFC 5084 3.2 allows others to be from 12 on. */
export const TAG_BYTES = 16
const LEAST_TAG_BYTES = 12
/** RFC 5084 3.2: the tag's length where a message does not say. */
const DEFAULT_TAG_BYTES = 12
const MAX_NONCE_BYTES = 64

/** What a cipher needs beside its key. */
export type ContentEncryption = WrittenEncryption | { readonly cipher: LegacyCipher; readonly iv: Uint8Array }

export type WrittenEncryption =
  | { readonly cipher: BlockCipher; readonly iv: Uint8Array }
  | { readonly cipher: AuthenticatedCipher; readonly nonce: Uint8Array; readonly tagBytes: number }

export function isAuthenticated(cipher: ReceivedCipher): cipher is AuthenticatedCipher {
  return cipher in AUTHENTICATED
}

/** Key size of a content cipher, in bytes. */
export function keyBytes(cipher: ReceivedCipher): number {
  return cipher in LEGACY ? LEGACY_KEY_BYTES : Number(cipher.slice(4, 7)) / 8
}

/** Block, and initialisation vector, of a cipher that pads, in bytes. */
export function blockBytes(cipher: BlockCipher | LegacyCipher): number {
  return cipher in LEGACY ? LEGACY_BLOCK_BYTES : BLOCK_BYTES
}

/** RFC 3565 4.1, RFC 5084 3.2. */
export function contentAlgorithm(encryption: WrittenEncryption): Uint8Array {
  const parameters =
    'iv' in encryption
      ? tlv(TAG.OCTET_STRING, encryption.iv)
      : sequence(tlv(TAG.OCTET_STRING, encryption.nonce), smallInteger(encryption.tagBytes))
  return sequence(oid(oidOf(encryption.cipher)), parameters)
}

/** RFC 8551 2.5.2: without parameters it is a capability. */
export function contentCapability(cipher: ContentCipher): Uint8Array {
  return sequence(oid(oidOf(cipher)))
}

/** The cipher that an OID names, whatever its parameters. */
export function readContentCipher(id: string): ContentCipher | undefined {
  return nameOf(BLOCK, id) ?? nameOf(AUTHENTICATED, id)
}

/** What decides whether a content encryption is accepted, beside its own name. */
export interface ContentContext {
  /** In an AuthEnvelopedData, not in an EnvelopedData: each has ciphers of its own. */
  readonly authenticated: boolean
  /** 3DES may pass. */
  readonly tripleDes: boolean
}

/** Throws CmsError for parameters that are none. */
export function readContentEncryption(
  { algorithm, parameters }: AlgorithmIdentifier,
  { authenticated, tripleDes }: ContentContext,
): ContentEncryption | Refused {
  const cipher = readContentCipher(algorithm) ?? (tripleDes ? nameOf(LEGACY, algorithm) : undefined)
  if (cipher === undefined) return refuse('the content encryption', algorithm)
  if (isAuthenticated(cipher) !== authenticated) {
    const kind = authenticated ? 'AuthEnvelopedData' : 'EnvelopedData'
    return { code: 'ALGORITHM_REFUSED', text: `${cipher} inside an ${kind} is not accepted` }
  }
  return isAuthenticated(cipher)
    ? readGcm(cipher, parameters)
    : { cipher, iv: readOctets(parameters, blockBytes(cipher)) }
}

function readGcm(cipher: AuthenticatedCipher, parameters: Element | null): ContentEncryption | Refused {
  const [nonce, tag = null] = parameters?.tag === TAG.SEQUENCE ? parameters.children : []
  if (nonce === undefined) throw new CmsError('MALFORMED', 'GCM parameters without a nonce')
  const octets = nonce.octets()
  if (octets.length === 0 || octets.length > MAX_NONCE_BYTES)
    throw new CmsError('MALFORMED', 'a GCM nonce of the wrong length')
  const tagBytes = readSmallInteger(tag, DEFAULT_TAG_BYTES)
  // A tag of 4 bytes is forged by luck within days.
  if (tagBytes < LEAST_TAG_BYTES || tagBytes > TAG_BYTES)
    return { code: 'ALGORITHM_REFUSED', text: `a GCM tag of ${tagBytes} bytes is not accepted` }
  return { cipher, nonce: octets, tagBytes }
}

function oidOf(cipher: ContentCipher): string {
  return isAuthenticated(cipher) ? AUTHENTICATED[cipher] : BLOCK[cipher]
}
