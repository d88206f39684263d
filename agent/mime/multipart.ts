import { asBuffer } from './bytes.ts'
import { MimeError } from './error.ts'
import { LIMITS } from './limits.ts'

/** A piece of a multipart's body; the pieces, joined, are the body, byte for byte. */
export type Piece =
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** A delimiter with the line end before it, which is its own (RFC 2046 5.1.1), and the one after it. */
  | { readonly kind: 'delimiter'; readonly bytes: Uint8Array; readonly closing: boolean }

const LF = 0x0a
const CR = 0x0d
const HYPHEN = 0x2d
/** Blanks tolerated after a delimiter (RFC 2046's transport padding). */
const LONGEST_PADDING = 1000

/**
 * Cuts a multipart's body at its delimiters, chunk by chunk. Content before the first one is the preamble, after the closing
 * one the epilogue. Lines may end in LF or CRLF; how the bytes are cut into chunks makes no difference. Content pieces are
 * views of the chunks.
 */
export class MultipartCutter {
  readonly #dashes: Buffer
  readonly #line: Buffer
  /** What is left of a chunk, copied: it may yet turn out to be a delimiter's beginning. */
  #held: Buffer = Buffer.alloc(0)
  /** A delimiter may follow the line end of another one without a line end of its own. */
  #atLineStart = true
  #closed = false
  #almost = 0

  /** Throws MimeError `LIMIT_EXCEEDED`. */
  constructor(boundary: string) {
    this.#line = Buffer.from(`\n--${boundary}`)
    this.#dashes = this.#line.subarray(1)
    if (this.#dashes.length > LIMITS.boundaryBytes + 2)
      throw new MimeError('LIMIT_EXCEEDED', `a boundary of more than ${LIMITS.boundaryBytes} bytes`)
  }

  push(chunk: Uint8Array): readonly Piece[] {
    const pieces: Piece[] = []
    const bytes = asBuffer(chunk)
    let from = 0
    if (this.#held.length > 0) {
      // Longer than anything that is held: what stays undecided of the two lies in the chunk, which is not copied.
      const joined = Buffer.concat([this.#held, bytes.subarray(0, this.#line.length + LONGEST_PADDING + 8)])
      const undecided = this.#search(joined, 0, false, pieces)
      if (undecided < this.#held.length) return this.#hold(joined, undecided, pieces)
      from = undecided - this.#held.length
    }
    return this.#hold(bytes, this.#search(bytes, from, false, pieces), pieces)
  }

  end(): readonly Piece[] {
    const pieces: Piece[] = []
    this.#search(this.#held, 0, true, pieces)
    return pieces
  }

  #hold(bytes: Buffer, from: number, pieces: readonly Piece[]): readonly Piece[] {
    this.#held = Buffer.from(bytes.subarray(from))
    return pieces
  }

  /** Adds the pieces of `bytes` from `start` on; returns where those begin that more bytes must decide about. */
  #search(bytes: Buffer, start: number, ended: boolean, pieces: Piece[]): number {
    let from = start
    // A line that only begins as a delimiter is content, and goes out with what is around it: pieces stay large.
    let searchFrom = from
    const contentTo = (to: number) => {
      if (to > from) pieces.push({ kind: 'content', bytes: bytes.subarray(from, to) })
      return to
    }
    while (!this.#closed) {
      if (this.#atLineStart) {
        const line = bytes.subarray(from, from + this.#dashes.length)
        if (!ended && line.length < this.#dashes.length) return from
        this.#atLineStart = line.equals(this.#dashes)
      }
      const isLine = !this.#atLineStart
      const at = isLine ? bytes.indexOf(this.#line, searchFrom) : from
      if (at < 0)
        return contentTo(ended ? bytes.length : Math.max(searchFrom, bytes.length - this.#line.length))
      const boundaryEnd = at + (isLine ? this.#line : this.#dashes).length
      const rest = readDelimiter(bytes, boundaryEnd, ended)
      // The CR before it may be its own.
      if (rest === 'more') return contentTo(isLine ? Math.max(from, at - 1) : at)
      this.#atLineStart = false
      if (rest === null) {
        if (++this.#almost > LIMITS.almostDelimiters)
          throw new MimeError(
            'LIMIT_EXCEEDED',
            `more than ${LIMITS.almostDelimiters} lines that are almost a delimiter`,
          )
        searchFrom = boundaryEnd
        continue
      }
      const delimiter = isLine && at > from && bytes[at - 1] === CR ? at - 1 : at
      contentTo(delimiter)
      pieces.push({
        kind: 'delimiter',
        bytes: bytes.subarray(delimiter, rest.end),
        closing: rest.closing,
      })
      from = searchFrom = rest.end
      this.#closed = rest.closing
      this.#atLineStart = !rest.closing
    }
    return contentTo(bytes.length)
  }
}

/** What follows the boundary: `--` or not, blanks, and a line end or the end; null when the line goes on otherwise. */
function readDelimiter(
  bytes: Buffer,
  from: number,
  ended: boolean,
): { closing: boolean; end: number } | null | 'more' {
  const closing = bytes[from] === HYPHEN && bytes[from + 1] === HYPHEN
  let at = closing ? from + 2 : from
  while ((bytes[at] === 0x20 || bytes[at] === 0x09) && at - from < LONGEST_PADDING) at++
  if (bytes[at] === LF) return { closing, end: at + 1 }
  if (bytes[at] === CR && bytes[at + 1] === LF) return { closing, end: at + 2 }
  const halfRead =
    at === bytes.length || (at + 1 === bytes.length && (bytes[at] === CR || bytes[at] === HYPHEN))
  if (!halfRead) return null
  if (!ended) return 'more'
  return at === bytes.length ? { closing, end: at } : null
}
