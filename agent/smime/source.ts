/** Bytes that can be read from the start any number of times, and whose length is known beforehand. */
export interface Source {
  readonly bytes: number
  /** Lower-case hex, where whoever made the source knows it. */
  readonly sha256?: string
  read(): AsyncIterable<Uint8Array>
  /** Like `read`, for whoever keeps nothing: each chunk is lent until the next one is asked for. */
  lend?(): AsyncIterable<Uint8Array>
  /** The chunk itself, where all of it comes as one that is in memory anyway: a slice of it is another such source. */
  oneChunk?(): Uint8Array
}

/** One that comes as one chunk. */
export function inOneChunk(bytes: number, chunk: () => Uint8Array): Source {
  return { bytes, read: () => once(chunk()), oneChunk: chunk }
}

/** What can be read, lent where that is to be had. */
export function lent(source: Pick<Source, 'read' | 'lend'>): AsyncIterable<Uint8Array> {
  return source.lend?.() ?? source.read()
}

/**
 * Keeps bytes of unknown length, which may be lent to it, where they can be read again: memory for little, an encrypted
 * file for much (MSG-15).
 */
export type Spool = (bytes: AsyncIterable<Uint8Array>) => Promise<Spooled>

export interface Spooled extends Source, AsyncDisposable {}

/** Several sources as one. */
export function concatSources(parts: readonly (Source | Uint8Array)[]): Source {
  const size = (part: Source | Uint8Array) => (part instanceof Uint8Array ? part.length : part.bytes)
  return {
    bytes: parts.reduce((sum, part) => sum + size(part), 0),
    read: () => chain(parts, (part) => part.read()),
    lend: () => chain(parts, lent),
  }
}

async function* chain(
  parts: readonly (Source | Uint8Array)[],
  read: (part: Source) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part
    else for await (const chunk of read(part)) yield chunk
  }
}

/** The bytes of a source from `start` on, up to `end`: all that follow where it is left out. */
export function sliceOf(source: Source, start: number, end: number = source.bytes): Source {
  const { oneChunk } = source
  if (oneChunk !== undefined) return inOneChunk(end - start, () => oneChunk().subarray(start, end))
  return {
    bytes: end - start,
    read: () => slice(source.read(), start, end),
    lend: () => slice(lent(source), start, end),
  }
}

async function* slice(
  chunks: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of chunks) {
    const piece = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at))
    if (piece.length > 0) yield piece
    at += chunk.length
    if (at >= end) return
  }
}

/** Bytes at hand, as they would come: as one chunk, or none. */
export function once(bytes: Uint8Array): AsyncIterableIterator<Uint8Array> {
  return new Once(bytes)
}

/** A generator would do the same at three times the cost, and small messages come by little else. */
class Once implements AsyncIterableIterator<Uint8Array> {
  #bytes: Uint8Array | null

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.length > 0 ? bytes : null
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const bytes = this.#bytes
    this.#bytes = null
    return bytes === null ? DONE : { done: false, value: bytes }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#bytes = null
    return DONE
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this
  }
}

const DONE = { done: true, value: undefined } as const
