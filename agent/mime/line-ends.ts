import { asBuffer } from './bytes.ts'

const LF = 0x0a
const CR = 0x0d

/** Makes every line end CRLF (RFC 8551 3.1.1), chunk by chunk; a CR alone stays as it is. */
export class LineEnds {
  #afterCr = false

  /** As long as the chunk only where nothing had to change. */
  canonical(chunk: Uint8Array): Uint8Array {
    if (chunk.length === 0) return chunk
    const bytes = asBuffer(chunk)
    const bare = bareLineFeed(bytes, this.#afterCr)
    this.#afterCr = bytes[bytes.length - 1] === CR
    return bare < 0 ? bytes : withCrAt(bytes, bare)
  }
}

/** Where the first LF without a CR before it stands, -1 where there is none. */
function bareLineFeed(bytes: Buffer, afterCr: boolean): number {
  for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, lf + 1))
    if (!(lf === 0 ? afterCr : bytes[lf - 1] === CR)) return lf
  return -1
}

/** From the bare LF at `first` on byte by byte: a search for each LF would be slow where a sender wrote little else. */
function withCrAt(bytes: Buffer, first: number): Buffer {
  const out = Buffer.allocUnsafe(2 * bytes.length - first)
  bytes.copy(out, 0, 0, first)
  let to = first
  let previous = 0
  for (let from = first; from < bytes.length; from++) {
    const byte = bytes[from] as number
    if (byte === LF && previous !== CR) out[to++] = CR
    out[to++] = byte
    previous = byte
  }
  return out.subarray(0, to)
}

/** The same bytes with CRLF line ends. */
export async function* withCrlf(src: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const lineEnds = new LineEnds()
  for await (const chunk of src) yield lineEnds.canonical(chunk)
}
