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
  if (bareLineFeed(chunk, afterCr) < 0) return chunk
  const out = Buffer.allocUnsafe(2 * chunk.length)
  let to = 0
  let previous = afterCr ? CR : 0
  for (const byte of chunk) {
    if (byte === LF && previous !== CR) out[to++] = CR
    out[to++] = byte
    previous = byte
  }
  return out.subarray(0, to)
}

/** RFC 8551 3.1.1: every line ends in CRLF. What is CRLF already stays as it is. */
export async function* canonicalLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let afterCr = false
  for await (const chunk of bytes) {
    yield withCrlf(chunk, afterCr)
    afterCr = endsInCr(chunk, afterCr)
  }
}
