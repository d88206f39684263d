import { constants, createVerify, type KeyObject, publicDecrypt } from 'node:crypto'
import type { MessageCode, Reason } from '../../errors.ts'
import {
  DIGEST_OID,
  hashName,
  type ReceivedDigest,
  type SignatureAlgorithm,
  signatureOptions,
} from '../algorithms.ts'
import { NULL, oid, sequence, TAG, tlv } from '../ber/der.ts'
import type { Source } from '../source.ts'
import type { Variant } from './signed-content.ts'

/** Signatures of a SignerInfo without signed attributes: over the content itself (RFC 5652 5.4). */
export interface ContentSignature {
  readonly key: KeyObject
  readonly algorithm: SignatureAlgorithm
  readonly digest: ReceivedDigest
  readonly signature: Uint8Array
}

/** Readings of the whole content for such signatures: two line ends, and a key that goes by two certificates. */
const MOST_READINGS = 4

/** How often the content of one message may still be read, whoever its signers are. */
export class Readings {
  #left = MOST_READINGS

  take(): boolean {
    return this.#left-- > 0
  }
}

const TOO_MANY: Reason<MessageCode> = {
  code: 'LIMIT_EXCEEDED',
  text: `more than ${MOST_READINGS} readings of the content for signatures without signed attributes`,
}

/** Which variant of the content a signature covers, null where it is none; LIMIT_EXCEEDED where that is too much work. */
export async function coveredVariant(
  signature: ContentSignature,
  variants: readonly Variant[],
  readings: Readings,
): Promise<Variant | Reason<MessageCode> | null> {
  const ofDigest = signature.algorithm.scheme === 'rsa-pkcs1'
  for (const variant of variants) {
    if (!ofDigest && !readings.take()) return TOO_MANY
    const isValid = ofDigest ? isOverDigest(signature, variant) : await isOverContent(signature, variant)
    if (isValid) return (await readsAsAttributes(variant)) ? null : variant
  }
  return null
}

/** RSA PKCS#1 v1.5 over the digest at hand, by the comparison of encodings (RFC 8017 8.2.2). */
function isOverDigest({ key, digest, signature }: ContentSignature, { digests }: Variant): boolean {
  const own = digests.get(digest)
  const modulusBytes = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8)
  if (own === undefined || signature.length !== modulusBytes) return false
  const expected = sequence(sequence(oid(DIGEST_OID[digest]), NULL), tlv(TAG.OCTET_STRING, own))
  try {
    const signed = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)
    return Buffer.compare(signed, expected) === 0
  } catch {
    // OpenSSL says by throwing that the padding is wrong.
    return false
  }
}

/** node:crypto takes a digest at hand for neither RSA-PSS nor ECDSA, so the content is read once more. */
async function isOverContent(
  { key, algorithm, digest, signature }: ContentSignature,
  variant: Variant,
): Promise<boolean> {
  const verification = createVerify(hashName(digest))
  for await (const chunk of variant.read()) verification.update(chunk)
  return verification.verify({ key, ...signatureOptions(algorithm, digest) }, signature)
}

/**
 * Whether the content could be the signed attributes of another message: a SET whose first element begins as an
 * Attribute does, and which ends where the content ends. A signature over those would then pass for one over content.
 */
async function readsAsAttributes(content: Source): Promise<boolean> {
  const start = await firstBytes(content, 32)
  const set = headerAt(start, 0, 0x31)
  if (set === null || set.end !== content.bytes) return false
  const attribute = headerAt(start, set.value, 0x30)
  return attribute !== null && start[attribute.value] === 0x06
}

async function firstBytes(content: Pick<Source, 'read'>, count: number): Promise<Uint8Array> {
  let start: Uint8Array = new Uint8Array()
  for await (const chunk of content.read()) {
    start = Buffer.concat([start, chunk.subarray(0, count)])
    if (start.length >= count) break
  }
  return start
}

/** Where a TLV's value begins and ends, its length in any form of up to 8 octets. */
function headerAt(bytes: Uint8Array, at: number, tag: number): { value: number; end: number } | null {
  const first = bytes[at + 1]
  if (bytes[at] !== tag || first === undefined) return null
  const octets = first < 0x80 ? 0 : first & 0x7f
  if (octets > 8) return null
  const value = at + 2 + octets
  const length =
    octets === 0 ? first : bytes.subarray(at + 2, value).reduce((sum, octet) => sum * 256 + octet, 0)
  return { value, end: value + length }
}
