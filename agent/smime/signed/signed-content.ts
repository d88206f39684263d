import { createHash, type Hash } from 'node:crypto'
import { asBuffer, Gathered } from '../../mime/bytes.ts'
import { LineEnds, withCrlf } from '../../mime/line-ends.ts'
import { hashName, type ReceivedDigest } from '../algorithms.ts'
import { inBlocks } from '../blocks.ts'
import { lent, type Source } from '../source.ts'

/** What is said to be signed. */
export interface SignedContent extends Pick<Source, 'read' | 'lend' | 'oneChunk'> {
  /** Where it was hashed while it went by. */
  readonly hashed?: Hashed
}

/** One reading of what was signed: the exact bytes, or the same with every bare LF turned into CRLF (IN-4). */
export interface Variant extends Source, HashedVariant {}

interface HashedVariant {
  readonly bytes: number
  readonly digests: ReadonlyMap<ReceivedDigest, Uint8Array>
  /** What stands behind its header. */
  readonly body?: Body
}

export interface Body {
  readonly start: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** Both readings, by their digests. */
export interface Hashed {
  readonly exact: HashedVariant
  /** Null where it does not differ. */
  readonly canonical: HashedVariant | null
}

/** The exact bytes first; the CRLF variant only where it differs. Reads the content where it was not hashed by these. */
export async function readVariants(
  content: SignedContent,
  digests: ReadonlySet<ReceivedDigest>,
): Promise<Variant[]> {
  const known = content.hashed
  const isKnown = known !== undefined && [...digests].every((digest) => known.exact.digests.has(digest))
  const { exact, canonical } = isKnown ? known : await hash(content, digests)
  const { oneChunk } = content
  const variants: Variant[] = [
    { ...exact, read: () => content.read(), lend: () => lent(content), ...(oneChunk && { oneChunk }) },
  ]
  if (canonical !== null) variants.push({ ...canonical, read: () => withCrlf(content.read()) })
  return variants
}

async function hash(content: Pick<Source, 'read'>, digests: ReadonlySet<ReceivedDigest>): Promise<Hashed> {
  const hashing = new ContentHash(digests)
  for await (const chunk of inBlocks(content.read())) hashing.update(chunk)
  return hashing.digest()
}

/**
 * Hashes signed content in one pass: both readings, and the message inside as well, which is what a wrapped one is
 * known by (IN-10).
 */
export class ContentHash {
  readonly #exact: Digests
  readonly #body = new BodyHash()
  #canonical: Digests | null = null
  readonly #lineEnds = new LineEnds()

  constructor(digests: ReadonlySet<ReceivedDigest>) {
    this.#exact = new Digests(new Map([...digests].map((digest) => [digest, createHash(hashName(digest))])))
  }

  update(chunk: Uint8Array): void {
    const lines = this.#lineEnds.canonical(chunk)
    // Up to the first bare LF the two are the same, so most messages are hashed once.
    if (lines.length !== chunk.length) this.#canonical ??= this.#exact.copy()
    this.#exact.update(chunk)
    this.#body.update(chunk)
    this.#canonical?.update(lines)
  }

  digest(): Hashed {
    const exact = { ...this.#exact.finish(), ...this.#body.finish() }
    return { exact, canonical: this.#canonical?.finish() ?? null }
  }
}

/** SHA-256 of what stands behind the first blank line of an entity that begins with a field and has CRLF. */
class BodyHash {
  readonly #hash = createHash('sha256')
  readonly #header = new Gathered()
  #start: number | null = null

  update(chunk: Uint8Array): void {
    if (this.#start !== null) {
      this.#hash.update(chunk)
      return
    }
    if (this.#header.length > MOST_OF_HEADER) return
    if (this.#header.length > 0) this.#header.add(chunk)
    const read = this.#header.length > 0 ? this.#header.bytes : asBuffer(chunk)
    const end = read.indexOf('\r\n\r\n')
    if (end >= 0) {
      this.#start = end + 4
      this.#hash.update(read.subarray(this.#start))
    } else if (this.#header.length === 0) this.#header.add(chunk)
  }

  finish(): { readonly body?: Body } {
    return this.#start === null ? {} : { body: { start: this.#start, sha256: this.#hash.digest('hex') } }
  }
}

/** A wrapper's header has one field or a few. */
const MOST_OF_HEADER = 1 << 16

class Digests {
  readonly #hashes: ReadonlyMap<ReceivedDigest, Hash>
  #bytes: number

  constructor(hashes: ReadonlyMap<ReceivedDigest, Hash>, bytes = 0) {
    this.#hashes = hashes
    this.#bytes = bytes
  }

  copy(): Digests {
    return new Digests(new Map([...this.#hashes].map(([digest, hash]) => [digest, hash.copy()])), this.#bytes)
  }

  update(chunk: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(chunk)
    this.#bytes += chunk.length
  }

  finish(): HashedVariant {
    const digests = new Map([...this.#hashes].map(([digest, hash]) => [digest, hash.digest()]))
    return { bytes: this.#bytes, digests }
  }
}
