import { asBuffer } from './bytes.ts'
import { LIMITS, MimeError } from './error.ts'

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
 * Cuts a multipart's body at its delimiters. Content before the first one is the preamble, after the closing one the
 * epilogue. Lines may end in LF or CRLF; how the bytes are cut into chunks makes no difference. Throws MimeError
 * `LIMIT_EXCEEDED`.
 */
export async function* cutMultipart(
  body: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<Piece> {
  const dashes = Buffer.from(`--${boundary}`)
  const line = Buffer.concat([Buffer.from('\n'), dashes])
  let bytes: Buffer = Buffer.alloc(0)
  let ended = false
  // A line that only begins as a delimiter is content, and goes out with what is around it: pieces stay large.
  let searchFrom = 0
  let almost = 0
  // A delimiter may follow the line end of another one without a line end of its own.
  let lineStart = true
  const source = body[Symbol.asyncIterator]()
  const more = async () => {
    const { done, value } = await source.next()
    if (done) ended = true
    else bytes = bytes.length === 0 ? asBuffer(value) : Buffer.concat([bytes, value])
  }
  try {
    await more()
    for (;;) {
      if (lineStart) {
        while (!ended && bytes.length < dashes.length) await more()
        lineStart = bytes.subarray(0, dashes.length).equals(dashes)
      }
      let at = lineStart ? 0 : bytes.indexOf(line, searchFrom)
      const isLine = !lineStart
      lineStart = false
      if (at < 0) {
        // What may yet turn out to be a delimiter's beginning, with the CR before it, stays.
        const safe = ended ? bytes.length : Math.max(searchFrom, bytes.length - line.length)
        if (safe > 0) yield { kind: 'content', bytes: bytes.subarray(0, safe) }
        bytes = bytes.subarray(safe)
        searchFrom = 0
        if (ended) return
        await more()
        continue
      }
      const width = isLine ? line.length : dashes.length
      let rest = readDelimiter(bytes, at + width, ended)
      while (rest === 'more') {
        // The CR before it may be its own.
        const safe = Math.max(0, at - 1)
        if (safe > 0) yield { kind: 'content', bytes: bytes.subarray(0, safe) }
        bytes = bytes.subarray(safe)
        at -= safe
        await more()
        rest = readDelimiter(bytes, at + width, ended)
      }
      if (rest === null) {
        if (++almost > LIMITS.almostDelimiters)
          throw new MimeError(
            'LIMIT_EXCEEDED',
            `more than ${LIMITS.almostDelimiters} lines that are almost a delimiter`,
          )
        searchFrom = at + width
        continue
      }
      searchFrom = 0
      const start = isLine && bytes[at - 1] === CR ? at - 1 : at
      if (start > 0) yield { kind: 'content', bytes: bytes.subarray(0, start) }
      yield { kind: 'delimiter', bytes: bytes.subarray(start, rest.end), closing: rest.closing }
      bytes = bytes.subarray(rest.end)
      if (rest.closing) break
      lineStart = true
    }
    for (; !ended; await more()) {
      if (bytes.length > 0) yield { kind: 'content', bytes }
      bytes = Buffer.alloc(0)
    }
  } finally {
    await source.return?.()
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

export interface Part {
  /** The part's exact bytes, header and body; to be read once, before the next part is asked for. */
  read(): AsyncIterable<Uint8Array>
}

/** The parts of a multipart, in order. */
export interface Multipart extends AsyncIterable<Part> {
  /** Whether the closing delimiter has been seen; without one the last part runs to the end. */
  readonly closed: boolean
}

/** Parts, byte for byte; what is left of a part when the next is asked for is skipped. Throws MimeError `LIMIT_EXCEEDED`. */
export function splitMultipart(body: AsyncIterable<Uint8Array>, boundary: string): Multipart {
  return new SplitMultipart(body, boundary)
}

class SplitMultipart implements Multipart {
  closed = false
  readonly #pieces: AsyncGenerator<Piece>
  #part = 0
  #partEnded = false
  #finished = false

  constructor(body: AsyncIterable<Uint8Array>, boundary: string) {
    this.#pieces = cutMultipart(body, boundary)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Part> {
    try {
      for (;;) {
        // The preamble at first, then what nobody read of the part before.
        while ((await this.#next()) !== null);
        if (this.#finished) return
        if (this.#part === LIMITS.parts)
          throw new MimeError('LIMIT_EXCEEDED', `more than ${LIMITS.parts} parts`)
        const part = ++this.#part
        this.#partEnded = false
        yield { read: () => this.#read(part) }
      }
    } finally {
      await this.#pieces.return(undefined)
    }
  }

  async *#read(part: number): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (part !== this.#part) throw new Error('a part must be read before the next one is asked for')
      const bytes = await this.#next()
      if (bytes === null) return
      yield bytes
    }
  }

  /** The next content before a delimiter, null at the delimiter. */
  async #next(): Promise<Uint8Array | null> {
    if (this.#partEnded) return null
    const next = await this.#pieces.next()
    const piece = next.done ? null : next.value
    if (piece?.kind === 'content') return piece.bytes
    this.#partEnded = true
    this.closed = piece?.closing ?? false
    this.#finished = piece?.closing ?? true
    return null
  }
}
