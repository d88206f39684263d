const LF = 0x0a
const CR = 0x0d
const EQUALS = 0x3d
/** A run of blanks longer than any line may be (RFC 5322 2.1.1) is content wherever it stands: memory is bounded. */
const LONGEST_RUN = 1000

/**
 * Decodes quoted-printable (RFC 2045 6.7): soft line breaks and blanks at line ends go, an `=` that no two hex digits
 * follow stays as it is, and so do line ends. How the bytes are cut into chunks makes no difference.
 */
export async function* decodeQuotedPrintable(src: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let kept: Uint8Array = new Uint8Array()
  for await (const chunk of src) {
    const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk])
    const { decoded, consumed } = decode(bytes, false)
    kept = Uint8Array.from(bytes.subarray(consumed))
    if (decoded.length > 0) yield decoded
  }
  const { decoded } = decode(kept, true)
  if (decoded.length > 0) yield decoded
}

/** Decodes as far as the bytes at hand decide it. */
function decode(bytes: Uint8Array, last: boolean): { decoded: Uint8Array; consumed: number } {
  const out = Buffer.allocUnsafe(bytes.length)
  let to = 0
  let at = 0
  while (at < bytes.length) {
    const byte = bytes[at] as number
    if (byte !== EQUALS && !isBlank(byte)) {
      out[to++] = byte
      at++
      continue
    }
    let end = at + 1
    while (isBlank(bytes[end]) && end - at < LONGEST_RUN) end++
    const lineEnd = bytes[end] === LF ? 1 : bytes[end] === CR && bytes[end + 1] === LF ? 2 : 0
    const undecided = end === bytes.length || (bytes[end] === CR && end + 1 === bytes.length)
    if (undecided && !last) break
    if (byte !== EQUALS) {
      if (lineEnd === 0 && end < bytes.length) while (at < end) out[to++] = bytes[at++] as number
      else at = end
      continue
    }
    if (lineEnd > 0 || end === bytes.length) {
      at = end + lineEnd
      continue
    }
    const high = hex(bytes[at + 1])
    if (high >= 0 && at + 2 === bytes.length && !last) break
    const low = hex(bytes[at + 2])
    out[to++] = high >= 0 && low >= 0 ? 16 * high + low : EQUALS
    at += high >= 0 && low >= 0 ? 3 : 1
  }
  return { decoded: out.subarray(0, to), consumed: at }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09
}

function hex(byte: number | undefined): number {
  return byte === undefined ? -1 : '0123456789ABCDEF'.indexOf(String.fromCharCode(byte).toUpperCase())
}
