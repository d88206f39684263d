import { asBuffer } from './bytes.ts'

const LF = 0x0a
const CR = 0x0d

/** Makes every line end CRLF, chunk by chunk; a CR alone stays as it is. */
export class LineEnds {
  #afterCr = false

  canonical(chunk: Uint8Array): Uint8Array {
    if (chunk.length === 0) return chunk
    const bytes = asBuffer(chunk)
    const bare: number[] = []
    for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, lf + 1))
      if (!(lf === 0 ? this.#afterCr : bytes[lf - 1] === CR)) bare.push(lf)
    this.#afterCr = bytes[bytes.length - 1] === CR
    if (bare.length === 0) return bytes
    const out = Buffer.allocUnsafe(bytes.length + bare.length)
    let from = 0
    let to = 0
    for (const lf of bare) {
      to += bytes.copy(out, to, from, lf)
      out[to++] = CR
      from = lf
    }
    bytes.copy(out, to, from)
    return out
  }
}

/** The same bytes with CRLF line ends. */
export async function* withCrlf(src: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const lineEnds = new LineEnds()
  for await (const chunk of src) yield lineEnds.canonical(chunk)
}
