import { asBuffer, Gathered } from './bytes.ts'
import { MimeError } from './error.ts'
import { Header } from './header.ts'
import { LIMITS } from './limits.ts'

export interface EntityLimits {
  readonly headerBytes?: number
}

/** Everything up to the body, and what was read too far. */
export interface Head {
  readonly header: Header
  /** The header's lines without the blank line, and without what was tolerated before them. */
  readonly headerBlock: Uint8Array
  /** The blank line as it stands there; empty when the bytes end with the header, or there is none. */
  readonly separator: Uint8Array
  /** Where that is: bytes from the start, those tolerated before the header included. */
  readonly bodyStart: number
  /** The beginning of the body; lent, where what was read is. */
  readonly rest: Uint8Array
  /** All that was read; the same. */
  readonly all: Uint8Array
}

/** What is kept of one while the message behind it is read in other ways. */
export type MessageStart = Pick<Head, 'header' | 'headerBlock' | 'separator' | 'bodyStart'>

/** Whether it says anything: lines without a colon are no fields. */
function hasFields({ header }: Head): boolean {
  return header.fields.some((field) => field.name !== '')
}

/** Finds the end of a header in bytes that are handed to it chunk by chunk. */
export class HeadSearch {
  readonly #limit: number
  readonly #skip: (bytes: Buffer, ended: boolean) => number | null
  /** Chunks in which the header does not end. */
  readonly #read = new Gathered()
  #start: number | null = null

  constructor(limits: EntityLimits, skip: (bytes: Buffer, ended: boolean) => number | null) {
    this.#limit = limits.headerBytes ?? LIMITS.headerBytes
    this.#skip = skip
  }

  /** Null when more must be read to know. Throws MimeError `LIMIT_EXCEEDED`. */
  push(chunk: Uint8Array): Head | null {
    const searched = this.#read.length
    if (searched > 0) this.#read.add(chunk)
    const head = this.#search(searched > 0 ? this.#read.bytes : asBuffer(chunk), searched, false)
    if (head === null && searched === 0) this.#read.add(chunk)
    return head
  }

  /** When no more is to come. */
  end(): Head {
    return this.#search(this.#read.bytes, this.#read.length, true) as Head
  }

  #search(all: Buffer, searched: number, ended: boolean): Head | null {
    this.#start ??= this.#skip(all, ended)
    const start = this.#start
    const end = start === null ? null : endOfHeader(all, start, Math.max(start, searched - 3), ended)
    if ((end?.block ?? all.length) > this.#limit)
      throw new MimeError('LIMIT_EXCEEDED', `a header is longer than ${this.#limit} bytes`)
    if (start === null || end === null) return null
    // A copy: the header is kept, and what was read may be lent.
    const kept = Buffer.from(all.subarray(start, end.body))
    const headerBlock = kept.subarray(0, end.block - start)
    return {
      header: Header.parse(headerBlock),
      headerBlock,
      separator: kept.subarray(headerBlock.length),
      bodyStart: end.body,
      rest: all.subarray(end.body),
      all,
    }
  }
}

/** `openEntity` for whoever is handed the message chunk by chunk. Throws MimeError as that does. */
export class MessageHead extends HeadSearch {
  constructor(limits: EntityLimits = {}) {
    super(limits, skipJunk)
  }

  override push(chunk: Uint8Array): Head | null {
    return requireFields(super.push(chunk))
  }

  override end(): Head {
    return requireFields(super.end())
  }
}

function requireFields<T extends Head | null>(head: T): T {
  if (head === null || hasFields(head)) return head
  throw new MimeError('MALFORMED', 'the message does not begin with a header (RFC 5322 2.1)')
}

/** `openPart` for whoever is handed the part chunk by chunk. */
export class PartHead extends HeadSearch {
  constructor(limits: EntityLimits = {}) {
    super(limits, () => 0)
  }

  override push(chunk: Uint8Array): Head | null {
    const head = super.push(chunk)
    return head === null ? null : orAllBody(head)
  }

  override end(): Head {
    return orAllBody(super.end())
  }
}

/** One that holds no field at all is body from its first byte on. */
function orAllBody(head: Head): Head {
  if (head.headerBlock.length === 0 || hasFields(head)) return head
  const { all } = head
  return {
    header: Header.parse(NOTHING),
    headerBlock: NOTHING,
    separator: NOTHING,
    bodyStart: 0,
    rest: all,
    all,
  }
}

const NOTHING = new Uint8Array()

const LF = 0x0a
const CR = 0x0d
const GREATER = 0x3e
const F = 0x46

/** Where the header's lines end and where the body begins; null when more must be read to know. */
function endOfHeader(
  bytes: Buffer,
  start: number,
  from: number,
  ended: boolean,
): { block: number; body: number } | null {
  const blank = lineEnd(bytes, start)
  if (blank > 0) return { block: start, body: start + blank }
  for (let lf = bytes.indexOf(LF, from); lf >= 0; lf = bytes.indexOf(LF, lf + 1)) {
    const length = lineEnd(bytes, lf + 1)
    if (length > 0) return { block: lf + 1, body: lf + 1 + length }
  }
  return ended ? { block: bytes.length, body: bytes.length } : null
}

/** Length of the line end at `at`, 0 when there is none. */
function lineEnd(bytes: Buffer, at: number): number {
  if (bytes[at] === LF) return 1
  return bytes[at] === CR && bytes[at + 1] === LF ? 2 : 0
}

/** Some editors put it before everything. */
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** Where the first field begins, after blank lines, blanks and one mbox line; null when more must be read to know. */
function skipJunk(bytes: Buffer, ended: boolean): number | null {
  const afterBlanks = (from: number): number => {
    let at = from
    while (bytes[at] === 0x20 || bytes[at] === 0x09 || lineEnd(bytes, at) > 0) at++
    return at
  }
  const isMarked = bytes[0] === BYTE_ORDER_MARK[0] && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK)
  const start = afterBlanks(isMarked ? BYTE_ORDER_MARK.length : 0)
  // Six bytes tell `>From ` from a field, and a CR from half a line end.
  if (bytes.length - start < 6 && !ended) return null
  if (bytes[start] !== GREATER && bytes[start] !== F) return start
  if (!/^>?From /.test(bytes.toString('latin1', start, start + 6))) return start
  const lf = bytes.indexOf(LF, start)
  if (lf < 0) return ended ? bytes.length : null
  // For many a program a lone CR ends that line too, and a field follows: it must not be passed over.
  if (bytes.subarray(start, lf - 1).includes(CR)) return start
  const next = afterBlanks(lf + 1)
  return next + 1 < bytes.length || ended ? next : null
}
