import { isAscii, isUtf8 } from 'node:buffer'
import { asBuffer } from './bytes.ts'
import { MimeError } from './error.ts'
import { LIMITS } from './limits.ts'

/** One header field (RFC 5322 2.2), or a line that is none: then its name is empty. */
export interface Field {
  /** As written, without the blanks before the colon. */
  readonly name: string
  /** Unfolded (RFC 5322 2.2.3) and trimmed; UTF-8 where the bytes are that, else latin1. */
  readonly value: string
  /** Exact bytes, with folds and the line end. */
  readonly raw: Uint8Array
}

/**
 * The header of an entity, in order. Tolerant as protocol.md IN-2 asks: LF or CRLF, no space after the colon,
 * blanks before it. Nothing is lost: the fields' `raw` bytes, joined, are the block.
 */
export class Header {
  readonly fields: readonly Field[]

  private constructor(fields: readonly Field[]) {
    this.fields = fields
  }

  /** `block`: the header's lines without the blank line that ends it. Throws MimeError `LIMIT_EXCEEDED`. */
  static parse(block: Uint8Array): Header {
    const bytes = asBuffer(block)
    // Most headers are ASCII, and decoded as one.
    const text = isAscii(bytes) ? bytes.toString('latin1') : null
    const fields: Field[] = []
    for (let start = 0; start < bytes.length; ) {
      if (fields.length === LIMITS.fields)
        throw new MimeError('LIMIT_EXCEEDED', `more than ${LIMITS.fields} header fields`)
      const end = endOfField(bytes, start)
      fields.push(
        new Line(bytes, start, end, text?.slice(start, end) ?? decodeText(bytes.subarray(start, end))),
      )
      start = end
    }
    return new Header(fields)
  }

  /** The first field's value, null where there is none. Names compare without case. */
  first(name: string): string | null {
    const wanted = name.toLowerCase()
    return this.fields.find((field) => isNamed(field, wanted))?.value ?? null
  }

  all(name: string): string[] {
    const wanted = name.toLowerCase()
    return this.fields.filter((field) => isNamed(field, wanted)).map((field) => field.value)
  }
}

function isNamed({ name }: Field, lowerCase: string): boolean {
  return name.length === lowerCase.length && name.toLowerCase() === lowerCase
}

/** Whether fields, as they stand, hold controls other than TAB and their line ends, a CR that no LF follows among them. */
export function holdsControls(raw: Uint8Array): boolean {
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\r(?!\n)/.test(asBuffer(raw).toString('latin1'))
}

const LF = 0x0a
const CR = 0x0d
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09

function endOfField(bytes: Buffer, start: number): number {
  for (let from = start; ; ) {
    const lf = bytes.indexOf(LF, from)
    if (lf < 0) return bytes.length
    if (!isBlank(bytes[lf + 1])) return lf + 1
    from = lf + 1
  }
}

/** A field as it stands in a header's block: of most nobody asks for more than the name. */
class Line implements Field {
  readonly name: string
  readonly #block: Buffer
  readonly #start: number
  readonly #end: number
  readonly #text: string

  constructor(block: Buffer, start: number, end: number, text: string) {
    this.#block = block
    this.#start = start
    this.#end = end
    this.#text = text
    this.name = nameOf(text)
  }

  get value(): string {
    const text = this.#text
    return trimmed(unfold(this.name === '' ? text : text.slice(text.indexOf(':') + 1)))
  }

  get raw(): Uint8Array {
    return this.#block.subarray(this.#start, this.#end)
  }
}

/** Empty where the line is no field. */
function nameOf(text: string): string {
  let end = text.indexOf(':')
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--
  const name = text.slice(0, Math.max(end, 0))
  return /^[\x21-\x39\x3b-\x7e]+$/.test(name) ? name : ''
}

/** Without blanks and line ends around it; other white space is content. A regular expression would look at every blank. */
function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isWhite(text.charCodeAt(start))) start++
  while (end > start && isWhite(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isWhite(code: number): boolean {
  return isBlank(code) || code === LF || code === CR
}

/** RFC 5322 2.2.3: a line end before a blank goes, the blank stays. */
function unfold(text: string): string {
  const lf = text.indexOf('\n')
  return lf < 0 || lf === text.length - 1 ? text : text.replace(/\r?\n(?=[ \t])/g, '')
}

/** What is not UTF-8 is latin1: every byte is then some character, so that nothing is lost or refused here. */
function decodeText(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
}
