import { asBuffer, release, unpooled } from './bytes.ts'

const LINE_BYTES = 57
const LINE_CHARS = 76
/** Encoded at once at most: whole lines, about 64 KiB of text. */
const BLOCK_BYTES = LINE_BYTES * 860

/**
 * Base64 in lines of 76 columns, each ended by CRLF (RFC 2045 6.8). Chunks of `src` may be lent; `lend`: so are those that
 * come out.
 */
export async function* encodeBase64Lines(
  src: AsyncIterable<Uint8Array>,
  { lend = false } = {},
): AsyncGenerator<Uint8Array> {
  let kept: Buffer = Buffer.alloc(0)
  for await (const chunk of src) {
    const bytes = kept.length === 0 ? asBuffer(chunk) : Buffer.concat([kept, chunk])
    const whole = bytes.length - (bytes.length % LINE_BYTES)
    for (let at = 0; at < whole; at += BLOCK_BYTES) {
      const lines = base64Lines(bytes.subarray(at, Math.min(at + BLOCK_BYTES, whole)))
      yield lines
      if (lend) release(lines)
    }
    const rest = Buffer.from(bytes.subarray(whole))
    if (kept.length > 0) release(bytes)
    kept = rest
  }
  if (kept.length > 0) yield base64Lines(kept)
}

/** Exact number of bytes that `encodeBase64Lines` yields for so many. */
export function base64LinesLength(bytes: number): number {
  const chars = 4 * Math.ceil(bytes / 3)
  return chars + 2 * Math.ceil(chars / LINE_CHARS)
}

/** `encodeBase64Lines` of bytes that are in hand. */
export function base64Lines(bytes: Uint8Array): Buffer {
  const out = unpooled(base64LinesLength(bytes.length))
  // Put at the end, and moved forward line by line: copying within a buffer costs the least per line.
  const text = asBuffer(bytes).toString('base64')
  const start = out.length - text.length
  out.write(text, start, 'latin1')
  let to = 0
  for (let from = start; from < out.length; from += LINE_CHARS) {
    const end = Math.min(from + LINE_CHARS, out.length)
    out.copyWithin(to, from, end)
    to += end - from
    out[to++] = 0x0d
    out[to++] = 0x0a
  }
  return out
}

/**
 * Decodes base64 of any line length. What is not of its alphabet is skipped; padding ends the data, and whatever
 * follows it is ignored (RFC 2045 6.8). How the bytes are cut into chunks makes no difference. Chunks of `src` may be
 * lent; `lend`: so are those that come out.
 */
export async function* decodeBase64(
  src: AsyncIterable<Uint8Array>,
  { lend = false } = {},
): AsyncGenerator<Uint8Array> {
  const quanta = new Quanta()
  for await (const chunk of src) {
    const bytes = quanta.decode(asBuffer(chunk))
    if (bytes.length > 0) yield bytes
    if (lend) release(bytes)
    if (quanta.ended) return
  }
  const last = quanta.end()
  if (last.length > 0) yield last
}

/** 6-bit value of each alphabet character, -1 for junk. Node's own decoder takes `-` and `_` as well. */
const VALUES = new Int8Array(256).fill(-1)
for (const [value, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  VALUES[char.charCodeAt(0)] = value
VALUES[0x2d] = 62
VALUES[0x5f] = 63

const CR = 0x0d
const LF = 0x0a
const PAD = 0x3d

const NOTHING = { bytes: Buffer.alloc(0), end: 0 }

/** Decodes quanta, four characters for three bytes each (RFC 4648 4), however chunks cut them. */
class Quanta {
  /** Padding was seen. */
  ended = false
  /** Up to three characters of a quantum that is not complete. */
  #open: Buffer = NOTHING.bytes

  decode(chunk: Buffer): Buffer {
    return this.#fast(chunk) ?? this.#slow(Buffer.concat([this.#open, chunk]))
  }

  /** Two or three characters without their padding still hold one or two bytes. */
  end(): Buffer {
    return Buffer.from(this.#open.toString('latin1'), 'base64')
  }

  /** Node's decoder, for text that holds nothing but the alphabet and line ends; null when it holds more. */
  #fast(chunk: Buffer): Buffer | null {
    const first = this.#open.length === 0 ? NOTHING : firstQuantum(this.#open, chunk)
    if (first === null) return null
    const text = chunk.subarray(first.end)
    let end = text.length
    const padding = paddingAtEnd(text)
    if (padding > 2) return null
    let characters = charactersOf(text)
    const open: number[] = []
    for (let left = padding > 0 ? 0 : characters % 4; left > 0; ) {
      const byte = text[--end]
      if (byte === undefined) return null
      if (byte === CR || byte === LF) continue
      if ((VALUES[byte] as number) < 0) return null
      open.unshift(byte)
      left--
    }
    characters -= open.length
    const bytes = decoded(first.bytes, text.subarray(0, end), (3 * characters) / 4 - padding)
    if (bytes === null) return null
    this.ended = padding > 0
    this.#open = open.length === 0 ? NOTHING.bytes : Buffer.from(open)
    return bytes
  }

  #slow(text: Buffer): Buffer {
    const out = Buffer.allocUnsafe(3 * Math.ceil(text.length / 4))
    const open = Buffer.alloc(4)
    let to = 0
    let count = 0
    let quantum = 0
    for (const byte of text) {
      if (byte === PAD && count >= 2) {
        this.ended = true
        to += out.write(open.toString('latin1', 0, count), to, 'base64')
        count = 0
        break
      }
      const value = VALUES[byte] as number
      if (value < 0) continue
      open[count++] = byte
      quantum = (quantum << 6) | value
      if (count < 4) continue
      out[to++] = quantum >> 16
      out[to++] = quantum >> 8
      out[to++] = quantum
      quantum = count = 0
    }
    this.#open = open.subarray(0, count)
    return out.subarray(0, to)
  }
}

/** What completes the open characters, and where it ends in the chunk; null where the chunk has something else first. */
function firstQuantum(open: Buffer, chunk: Buffer): { readonly bytes: Buffer; readonly end: number } | null {
  const quantum = [...open]
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at] as number
    if (byte === CR || byte === LF) continue
    if ((VALUES[byte] as number) < 0) return null
    quantum.push(byte)
    if (quantum.length === 4)
      return { bytes: Buffer.from(Buffer.from(quantum).toString('latin1'), 'base64'), end: at + 1 }
  }
  return null
}

/** All but line ends. */
function charactersOf(text: Buffer): number {
  let characters = text.length
  let line = 0
  for (let lf = text.indexOf(LF); lf >= 0; ) {
    characters -= text[lf - 1] === CR ? 2 : 1
    // Lines are mostly as long as the one before. Where one is not, `decoded` yields fewer bytes, and it is looked at slowly.
    const next = text[lf + line] === LF && line > 0 ? lf + line : text.indexOf(LF, lf + 1)
    line = next - lf
    lf = next
  }
  // A CR at the very end belongs to a LF that has not come yet.
  return text[text.length - 1] === CR ? characters - 1 : characters
}

/**
 * So many bytes behind the first ones; null for text that holds more than alphabet and line ends: it yields fewer than its
 * characters would.
 */
function decoded(first: Buffer, text: Buffer, length: number): Buffer | null {
  if (!Number.isInteger(length)) return null
  const bytes = unpooled(first.length + length)
  first.copy(bytes)
  return bytes.write(text.toString('latin1'), first.length, 'base64') === length ? bytes : null
}

/** How many characters of padding end the text, before its last line ends. */
function paddingAtEnd(text: Buffer): number {
  let padding = 0
  for (let at = text.length - 1; at >= 0; at--) {
    const byte = text[at]
    if (byte === PAD) padding++
    else if (byte !== CR && byte !== LF) break
  }
  return padding
}
