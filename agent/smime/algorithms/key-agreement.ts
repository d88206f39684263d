import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { Null, Sequence } from 'asn1js'
import { context, oid, sequence, TAG, tlv } from '../ber/der.ts'
import { CmsError } from '../ber/reader.ts'
import { type Algorithm, readAlgorithm } from './algorithm.ts'
import { hashName, type ReceivedDigest } from './digest.ts'
import { nameOf } from './object-identifiers.ts'
import { type Refused, refuse } from './refused.ts'

/**
 * ECDH with an ephemeral key of the sender's and the recipient's own key (RFC 5753 3.1.1, dhSinglePass-stdDH), by the
 * digest of its key derivation function.
 */
export type KeyAgreement = 'ecdh-sha1' | 'ecdh-sha256' | 'ecdh-sha384' | 'ecdh-sha512'
export type KeyWrap = 'aes-128-wrap' | 'aes-192-wrap' | 'aes-256-wrap'

export interface AgreementForm {
  readonly agreement: KeyAgreement
  readonly wrap: KeyWrap
  /** The wrap's AlgorithmIdentifier as it came: it goes into the key derivation byte for byte. */
  readonly wrapAlgorithm: Uint8Array
}

/** RFC 5753 7.1.4, SEC 1. */
const AGREEMENT: Readonly<Record<KeyAgreement, string>> = {
  'ecdh-sha1': '1.3.133.16.840.63.0.2',
  'ecdh-sha256': '1.3.132.1.11.1',
  'ecdh-sha384': '1.3.132.1.11.2',
  'ecdh-sha512': '1.3.132.1.11.3',
}

/** RFC 3565 2.3.2. */
const WRAP: Readonly<Record<KeyWrap, string>> = {
  'aes-128-wrap': '2.16.840.1.101.3.4.1.5',
  'aes-192-wrap': '2.16.840.1.101.3.4.1.25',
  'aes-256-wrap': '2.16.840.1.101.3.4.1.45',
}

/** What we write (protocol.md ALG). */
export const OUR_AGREEMENT: AgreementForm = {
  agreement: 'ecdh-sha256',
  wrap: 'aes-256-wrap',
  wrapAlgorithm: sequence(oid(WRAP['aes-256-wrap'])),
}

/** RFC 5753 7.1.4: the wrap's AlgorithmIdentifier is the agreement's parameter. */
export function keyAgreementAlgorithm({ agreement, wrapAlgorithm }: AgreementForm): Uint8Array {
  return sequence(oid(AGREEMENT[agreement]), wrapAlgorithm)
}

/** Throws CmsError for parameters that are none. */
export function readKeyAgreement({ algorithmId, algorithmParams }: Algorithm): AgreementForm | Refused {
  const agreement = nameOf(AGREEMENT, algorithmId)
  if (agreement === undefined) return refuse('the key agreement', algorithmId)
  if (!(algorithmParams instanceof Sequence))
    throw new CmsError('MALFORMED', 'a key agreement without a key wrap')
  const inner = readAlgorithm(algorithmParams)
  const wrap = nameOf(WRAP, inner.algorithmId)
  if (wrap === undefined) return refuse('the key wrap', inner.algorithmId)
  if (inner.algorithmParams !== undefined && !(inner.algorithmParams instanceof Null))
    return { code: 'ALGORITHM_REFUSED', text: 'an AES key wrap with parameters is not accepted' }
  return { agreement, wrap, wrapAlgorithm: new Uint8Array(algorithmParams.valueBeforeDecode) }
}

/**
 * The key that wraps the content key, from the shared secret: ANSI X9.63's function over ECC-CMS-SharedInfo (RFC 5753
 * 7.2). `ukm` stands in it only where the message has one.
 */
export function keyEncryptionKey(
  secret: Uint8Array,
  { agreement, wrap, wrapAlgorithm }: AgreementForm,
  ukm: Uint8Array | null,
): Uint8Array {
  const bytes = wrapKeyBytes(wrap)
  const bits = Buffer.alloc(4)
  bits.writeUInt32BE(8 * bytes)
  const sharedInfo = sequence(
    wrapAlgorithm,
    ...(ukm === null ? [] : [tlv(context(0), tlv(TAG.OCTET_STRING, ukm))]),
    tlv(context(2), tlv(TAG.OCTET_STRING, bits)),
  )
  const digest = agreement.replace('ecdh-sha', 'sha-') as ReceivedDigest
  const blocks: Buffer[] = []
  for (let counter = 1, length = 0; length < bytes; counter++) {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const block = createHash(hashName(digest)).update(secret).update(count).update(sharedInfo).digest()
    blocks.push(block)
    length += block.length
  }
  return Buffer.concat(blocks).subarray(0, bytes)
}

/** RFC 3394 2.2.3.1. */
const INITIAL = Buffer.alloc(8, 0xa6)

export function wrapKey(wrap: KeyWrap, wrapping: Uint8Array, key: Uint8Array): Uint8Array {
  const cipher = createCipheriv(cipherOf(wrap), wrapping, INITIAL)
  return Buffer.concat([cipher.update(key), cipher.final()])
}

/** Null when the wrapping key is another one, or the wrapped key is broken. */
export function unwrapKey(wrap: KeyWrap, wrapping: Uint8Array, wrapped: Uint8Array): Uint8Array | null {
  try {
    const decipher = createDecipheriv(cipherOf(wrap), wrapping, INITIAL)
    return Buffer.concat([decipher.update(wrapped), decipher.final()])
  } catch {
    // Node says by throwing that the integrity check of RFC 3394 failed, or that the length is wrong.
    return null
  }
}

function cipherOf(wrap: KeyWrap): string {
  return `id-aes${8 * wrapKeyBytes(wrap)}-wrap`
}

function wrapKeyBytes(wrap: KeyWrap): number {
  return Number(wrap.slice(4, 7)) / 8
}
