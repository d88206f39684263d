import { createHash, type Hash } from 'node:crypto'
import { hashName, type ReceivedDigest } from '../algorithms.ts'
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
