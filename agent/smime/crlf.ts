const LF = 0x0a
const CR = 0x0d

/** Where the first LF without a CR before it stands, -1 where there is none. `afterCr`: what came before ended in CR. */
export function bareLineFeed(chunk: Uint8Array, afterCr: boolean): number {
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) {
    if (at === 0 ? !afterCr : chunk[at - 1] !== CR) return at
  }
  return -1
}

export function endsInCr(chunk: Uint8Array, afterCr: boolean): boolean {
  return chunk.length === 0 ? afterCr : chunk.at(-1) === CR
}

/** The chunk with a CR put before each bare LF. */
export function withCrlf(chunk: Uint8Array, afterCr: boolean): Uint8Array {
  let from = 0
  const pieces: Uint8Array[] = []
  for (let at = bareLineFeed(chunk, afterCr); at >= 0; ) {
    pieces.push(chunk.subarray(from, at), CRLF)
    from = at + 1
    const next = bareLineFeed(chunk.subarray(from), false)
    at = next < 0 ? -1 : from + next
  }
  return from === 0 ? chunk : Buffer.concat([...pieces, chunk.subarray(from)])
}

/** RFC 8551 3.1.1: every line ends in CRLF. What is CRLF already stays as it is. */
export async function* canonicalLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let afterCr = false
  for await (const chunk of bytes) {
    yield withCrlf(chunk, afterCr)
    afterCr = endsInCr(chunk, afterCr)
  }
}

const CRLF = Uint8Array.of(CR, LF)
