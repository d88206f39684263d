import { LIMITS, MimeError } from './error.ts'
import { Header } from './header.ts'

export interface Entity {
  readonly header: Header
  /** The header's lines without the blank line, and without what was tolerated before them. */
  readonly headerBlock: Uint8Array
  /** The blank line as it stands there; empty when the bytes end with the header, or there is none. */
  readonly separator: Uint8Array
  /** Where that is: bytes from the start, those tolerated before the header included. */
  readonly bodyStart: number
  /** Everything after the blank line, to be read once. Leaving it early lets go of the source. */
  readonly body: AsyncIterable<Uint8Array>
  /** Lets go of the source when the body is not wanted. */
  discard(): Promise<void>
}

export interface EntityLimits {
  readonly headerBytes?: number
}

/**
 * Reads the header of a message and hands on the rest as it comes. Blank lines, blanks and a mbox `From ` line before
 * the first field are skipped, and so is a byte order mark (protocol.md IN-2). Throws MimeError: `LIMIT_EXCEEDED`, or `MALFORMED` when the start is
 * no header at all.
 */
export async function openEntity(
  bytes: AsyncIterable<Uint8Array>,
  limits: EntityLimits = {},
): Promise<Entity> {
  const { entity } = await open(bytes, limits, skipJunk)
  if (hasFields(entity)) return entity
  await entity.discard()
  throw new MimeError('MALFORMED', 'the message does not begin with a header (RFC 5322 2.1)')
}

/**
 * Reads the header of a part of a multipart. It may be missing: a part that begins with a blank line has none, and one
 * that holds no field at all is body from its first byte on (RFC 2046 5.1).
 */
export async function openPart(bytes: AsyncIterable<Uint8Array>, limits: EntityLimits = {}): Promise<Entity> {
  const { entity, everything } = await open(bytes, limits, () => 0)
  if (entity.headerBlock.length === 0 || hasFields(entity)) return entity
  const headerBlock = new Uint8Array()
  const header = Header.parse(headerBlock)
  return { ...entity, header, headerBlock, separator: headerBlock, bodyStart: 0, body: everything }
}

function hasFields(entity: Entity): boolean {
  return entity.header.fields.some((field) => field.name !== '')
}

async function open(
  bytes: AsyncIterable<Uint8Array>,
  limits: EntityLimits,
  skip: (bytes: Buffer, ended: boolean) => number | null,
): Promise<{ entity: Entity; everything: AsyncIterable<Uint8Array> }> {
  const limit = limits.headerBytes ?? LIMITS.headerBytes
  const source = bytes[Symbol.asyncIterator]()
  const read = new Gathered()
  const discard = async () => {
    await source.return?.()
  }
  let start: number | null = null
  for (let searched = 0; ; searched = read.bytes.length) {
    const { done, value } = await source.next()
    if (!done) read.add(value)
    const all = read.bytes
    start ??= skip(all, done === true)
    const end = start === null ? null : endOfHeader(all, start, Math.max(start, searched - 3), done === true)
    if ((end?.block ?? all.length) > limit) {
      await discard()
      throw new MimeError('LIMIT_EXCEEDED', `a header is longer than ${limit} bytes`)
    }
    if (start === null || end === null) continue
    const headerBlock = all.subarray(start, end.block)
    const body = new Rest(all.subarray(end.body), source)
    const separator = all.subarray(end.block, end.body)
    const bodyStart = end.body
    const entity = { header: Header.parse(headerBlock), headerBlock, separator, bodyStart, body, discard }
    return { entity, everything: new Rest(all, source) }
  }
}

const LF = 0x0a
const CR = 0x0d

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
  const start = afterBlanks(bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0)
  // Six bytes tell `>From ` from a field, and a CR from half a line end.
  if (bytes.length - start < 6 && !ended) return null
  if (!/^>?From /.test(bytes.toString('latin1', start, start + 6))) return start
  const lf = bytes.indexOf(LF, start)
  if (lf < 0) return ended ? bytes.length : null
  // For many a program a lone CR ends that line too, and a field follows: it must not be passed over.
  if (bytes.subarray(start, lf - 1).includes(CR)) return start
  const next = afterBlanks(lf + 1)
  return next + 1 < bytes.length || ended ? next : null
}

/** Bytes that arrive in pieces, in one buffer that grows by doubling. */
class Gathered {
  #buffer = Buffer.alloc(0)
  #length = 0

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  add(chunk: Uint8Array): void {
    const length = this.#length + chunk.length
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#buffer.length))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    this.#buffer.set(chunk, this.#length)
    this.#length = length
  }
}

/** What was read too far, then the rest of the source. */
class Rest implements AsyncIterableIterator<Uint8Array> {
  #first: Uint8Array | null
  readonly #source: AsyncIterator<Uint8Array>

  constructor(first: Uint8Array, source: AsyncIterator<Uint8Array>) {
    this.#first = first.length > 0 ? first : null
    this.#source = source
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const first = this.#first
    this.#first = null
    return first === null ? this.#source.next() : { done: false, value: first }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#first = null
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this
  }
}
