import { createHash, type Hash } from 'node:crypto'
import { LineEnds, withCrlf } from '../../mime/line-ends.ts'
import { hashName, type ReceivedDigest } from '../algorithms.ts'
import { inBlocks } from '../blocks.ts'
import type { Source } from '../source.ts'

type Readable = Pick<Source, 'read'>

/** One reading of what was signed: the exact bytes, or the same with every bare LF turned into CRLF (IN-4). */
export interface Variant extends Source {
  readonly digests: ReadonlyMap<ReceivedDigest, Uint8Array>
  /** What stands behind its header. */
  readonly body?: Body
}

export interface Body {
  readonly start: number
  /** Lower-case hex. */
  readonly sha256: string
}

/**
 * The exact bytes first; the CRLF variant only where it differs. All is hashed in one pass, the message inside as well,
 * which is what a wrapped one is known by (IN-10).
 */
export async function readVariants(
  content: Readable,
  digests: ReadonlySet<ReceivedDigest>,
): Promise<Variant[]> {
  const exact = new Hashes(digests)
  const body = new BodyHash()
  const lineEnds = new LineEnds()
  let canonical: Hashes | null = null
  for await (const chunk of inBlocks(content.read())) {
    const lines = lineEnds.canonical(chunk)
    // Up to the first bare LF the two are the same, so most messages are hashed once.
    if (lines.length !== chunk.length) canonical ??= exact.copy()
    exact.update(chunk)
    body.update(chunk)
    canonical?.update(lines)
  }
  const variants: Variant[] = [{ ...exact.finish(), ...body.finish(), read: () => content.read() }]
  if (canonical !== null) variants.push({ ...canonical.finish(), read: () => withCrlf(content.read()) })
  return variants
}

/** SHA-256 of what stands behind the first blank line of an entity that begins with a field and has CRLF. */
class BodyHash {
  readonly #hash = createHash('sha256')
  #header: Buffer = Buffer.alloc(0)
  #start: number | null = null

  update(chunk: Uint8Array): void {
    if (this.#start !== null) {
      this.#hash.update(chunk)
      return
    }
    if (this.#header.length > MOST_OF_HEADER) return
    this.#header = Buffer.concat([this.#header, chunk])
    const end = this.#header.indexOf('\r\n\r\n')
    if (end < 0) return
    this.#start = end + 4
    this.#hash.update(this.#header.subarray(this.#start))
  }

  finish(): { readonly body?: Body } {
    return this.#start === null ? {} : { body: { start: this.#start, sha256: this.#hash.digest('hex') } }
  }
}

/** A wrapper's header has one field or a few. */
const MOST_OF_HEADER = 1 << 16

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
