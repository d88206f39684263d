/** Bytes that can be read from the start any number of times, and whose length is known beforehand. */
export interface Source {
  readonly bytes: number
  read(): AsyncIterable<Uint8Array>
}

/** Keeps bytes of unknown length where they can be read again: memory for little, an encrypted file for much. */
export type Spool = (bytes: AsyncIterable<Uint8Array>) => Promise<Spooled>

export interface Spooled extends Source, AsyncDisposable {}

/** Several sources as one. */
export function concatSources(parts: readonly (Source | Uint8Array)[]): Source {
  const size = (part: Source | Uint8Array) => (part instanceof Uint8Array ? part.length : part.bytes)
  return {
    bytes: parts.reduce((sum, part) => sum + size(part), 0),
    async *read() {
      for (const part of parts) {
        if (part instanceof Uint8Array) yield part
        else yield* part.read()
      }
    },
  }
}

/** A source without its first bytes. */
export function sourceFrom(source: Source, start: number): Source {
  return {
    bytes: source.bytes - start,
    async *read() {
      let skip = start
      for await (const chunk of source.read()) {
        if (skip < chunk.length) yield skip === 0 ? chunk : chunk.subarray(skip)
        skip = Math.max(0, skip - chunk.length)
      }
    },
  }
}
