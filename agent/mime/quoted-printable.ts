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

const CRLF = Buffer.from('\r\n')
const SOFT_BREAK = Buffer.from('=\r\n')
const LINE_CHARS = 76

/** Encodes text whose line ends are CRLF (RFC 2045 6.7); every other byte comes back exactly, a CR or LF alone too. */
export async function* encodeQuotedPrintable(src: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let kept: Uint8Array = new Uint8Array()
  let column = 0
  const encode = (bytes: Uint8Array, last: boolean): Uint8Array => {
    const out = Buffer.allocUnsafe(4 * bytes.length + 2 * CRLF.length)
    let to = 0
    let at = 0
    for (; at < bytes.length; at++) {
      // A blank must know whether its line ends after it, and a CR whether a LF follows: two bytes tell.
      if (!last && at + 2 >= bytes.length) break
      const byte = bytes[at] as number
      if (byte === CR && bytes[at + 1] === LF) {
        to += CRLF.copy(out, to)
        column = 0
        at++
        continue
      }
      const atLineEnd = at + 1 === bytes.length || (bytes[at + 1] === CR && bytes[at + 2] === LF)
      const plain = (byte > 0x20 && byte < 0x7f && byte !== EQUALS) || (isBlank(byte) && !atLineEnd)
      const width = plain ? 1 : 3
      // One column stays free for the `=` of a soft break.
      if (column + width > LINE_CHARS - 1) {
        to += SOFT_BREAK.copy(out, to)
        column = 0
      }
      if (plain) out[to++] = byte
      else to += out.write(`=${byte.toString(16).toUpperCase().padStart(2, '0')}`, to, 'latin1')
      column += width
    }
    kept = Uint8Array.from(bytes.subarray(at))
    return out.subarray(0, to)
  }
  for await (const chunk of src) yield encode(kept.length === 0 ? chunk : Buffer.concat([kept, chunk]), false)
  if (kept.length > 0) yield encode(kept, true)
}
