import { constants, createHash, createVerify, type Hash, type KeyObject, publicDecrypt } from 'node:crypto'
import {
  DIGEST_OID,
  hashName,
  type ReceivedDigest,
  type SignatureForm,
  signatureOptions,
} from '../algorithms.ts'
import { NULL, oid, sequence, TAG, tlv } from '../ber/der.ts'
import { inBlocks } from '../blocks.ts'
import { bareLineFeed, canonicalLines, endsInCr, withCrlf } from '../crlf.ts'
import type { Source } from '../source.ts'

type Readable = Pick<Source, 'read'>

/** One reading of what was signed: the exact bytes, or the same with every bare LF turned into CRLF (IN-4). */
export interface Variant extends Source {
  readonly digests: ReadonlyMap<ReceivedDigest, Uint8Array>
}

/** The exact bytes first; the CRLF variant only where it differs. Both are hashed in one pass. */
export async function readVariants(
  content: Readable,
  digests: ReadonlySet<ReceivedDigest>,
): Promise<Variant[]> {
  const exact = new Hashes(digests)
  let canonical: Hashes | null = null
  let afterCr = false
  for await (const chunk of inBlocks(content.read())) {
    // Up to the first bare LF the two are the same, so most messages are hashed once.
    if (canonical === null && bareLineFeed(chunk, afterCr) >= 0) canonical = exact.copy()
    exact.update(chunk)
    canonical?.update(withCrlf(chunk, afterCr))
    afterCr = endsInCr(chunk, afterCr)
  }
  const variants = [{ ...exact.finish(), read: () => content.read() }]
  if (canonical !== null) variants.push({ ...canonical.finish(), read: () => canonicalLines(content.read()) })
  return variants
}

class Hashes {
  readonly #hashes: ReadonlyMap<ReceivedDigest, Hash>
  #bytes: number

  constructor(digests: ReadonlySet<ReceivedDigest> | ReadonlyMap<ReceivedDigest, Hash>, bytes = 0) {
    this.#hashes =
      digests instanceof Map
        ? digests
        : new Map([...digests.keys()].map((digest) => [digest, createHash(hashName(digest))]))
    this.#bytes = bytes
  }

  copy(): Hashes {
    return new Hashes(new Map([...this.#hashes].map(([digest, hash]) => [digest, hash.copy()])), this.#bytes)
  }

  update(chunk: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(chunk)
    this.#bytes += chunk.length
  }

  finish(): Pick<Variant, 'bytes' | 'digests'> {
    const digests = new Map([...this.#hashes].map(([digest, hash]) => [digest, hash.digest()]))
    return { bytes: this.#bytes, digests }
  }
}

/**
 * RSA PKCS#1 v1.5 over the content itself: a SignerInfo without signed attributes (RFC 5652 5.4; RFC 8017 8.2.2, by the
 * comparison of encodings). Over the digest at hand: a signature can have many signers, and the content be long.
 */
export async function isSignatureOver(
  variant: Variant,
  key: KeyObject,
  form: SignatureForm,
  digest: ReceivedDigest,
  signature: Uint8Array,
): Promise<boolean> {
  if (form.scheme !== 'rsa-pkcs1') return verifies(variant, key, form, digest, signature)
  const own = variant.digests.get(digest)
  if (own === undefined || signature.length !== Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8))
    return false
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
async function verifies(
  variant: Variant,
  key: KeyObject,
  form: SignatureForm,
  digest: ReceivedDigest,
  signature: Uint8Array,
): Promise<boolean> {
  const verification = createVerify(hashName(digest))
  for await (const chunk of variant.read()) verification.update(chunk)
  return verification.verify({ key, ...signatureOptions(form, digest) }, signature)
}

/**
 * Whether the content could be the signed attributes of another message: a SET whose first element begins as an
 * Attribute does, and which ends where the content ends. A signature over those would then pass for one over content.
 */
export async function readsAsAttributes(content: Source): Promise<boolean> {
  const start = await firstBytes(content, 32)
  const set = headerAt(start, 0, 0x31)
  if (set === null || set.end !== content.bytes) return false
  const attribute = headerAt(start, set.value, 0x30)
  return attribute !== null && start[attribute.value] === 0x06
}

async function firstBytes(content: Readable, count: number): Promise<Uint8Array> {
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
