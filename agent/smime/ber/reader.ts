import { TAG } from './der.ts'
import { CmsError } from './error.ts'
import { CONSTRUCTED, headerAt, type TlvHeader } from './header.ts'
import { joinPieces } from './pieces.ts'

/** Constructed elements within each other, those of a string in pieces included. */
const MAX_DEPTH = 32
/** Elements walked one at a time: far more than CMS of any size needs, since pieces of a string that lie whole in a chunk are none. */
const MAX_ELEMENTS = 200_000

interface Open {
  /** Where it ends at the latest. */
  readonly end: number
  readonly indefinite: boolean
}

/** A step through BER, to be taken by `BerReader.read`. It yields how many bytes it cannot go on without. */
export type Reading<T> = Generator<number, T, void>

/**
 * Walks BER as it arrives (X.690 8; protocol.md ALG-3): definite and indefinite lengths, strings in pieces of any size.
 * Only what is asked for with `element` is held in memory, and that is bounded.
 *
 * Its steps are no promises but readings: most of a structure is at hand when it is asked for, and dozens of elements are
 * then read without waiting for any of them.
 */
export class BerReader {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #open: Open[] = []
  #chunk: Uint8Array = new Uint8Array()
  #at = 0
  /** Bytes consumed so far. */
  #position = 0
  #recorded: Uint8Array[] | null = null
  #elements = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Takes the steps of a reading, and gets what it needs. */
  async read<T>(reading: Reading<T>): Promise<T> {
    for (;;) {
      const { done, value } = reading.next()
      if (done) return value
      await this.#need(value)
    }
  }

  /** Identifier octet of the next element, not consumed. */
  *peek(): Reading<number> {
    if (this.#atHand() < 1) yield 1
    return this.#chunk[this.#at] as number
  }

  *#header(): Reading<TlvHeader> {
    let header = this.#headerAtHand()
    while (header === null) {
      yield this.#atHand() + 1
      header = this.#headerAtHand()
    }
    return header
  }

  /** Null where the chunk ends before it: mostly it does not, and nothing is waited for. */
  #headerAtHand(): TlvHeader | null {
    const header = headerAt(this.#chunk, this.#at)
    if (header === null) return null
    this.#count()
    this.#take(header.octets)
    if (header.length !== null && this.#position + header.length > this.#end())
      throw new CmsError('MALFORMED', 'an element longer than its container')
    return header
  }

  #count(): void {
    if (++this.#elements > MAX_ELEMENTS)
      throw new CmsError('LIMIT_EXCEEDED', `more than ${MAX_ELEMENTS} elements`)
  }

  /** Steps into a constructed element of this tag. */
  *enter(tag: number): Reading<void> {
    const header = this.#headerAtHand() ?? (yield* this.#header())
    if (header.tag !== tag) throw unexpected(header.tag, tag)
    this.#push(header)
  }

  #push({ length }: TlvHeader): void {
    if (this.#open.length === MAX_DEPTH)
      throw new CmsError('LIMIT_EXCEEDED', `nested deeper than ${MAX_DEPTH}`)
    this.#open.push({
      end: length === null ? this.#end() : this.#position + length,
      indefinite: length === null,
    })
  }

  /** A method, like the others that are asked often: V8 leaves compiled code for a private getter. */
  #end(): number {
    return this.#open.at(-1)?.end ?? Number.POSITIVE_INFINITY
  }

  /** Whether the element entered last holds nothing more. */
  *atEnd(): Reading<boolean> {
    return this.#isAtEnd() ?? (yield* this.peek()) === 0
  }

  /** Null where the next octet, which is not at hand, tells it. */
  #isAtEnd(): boolean | null {
    const innermost = this.#open.at(-1)
    if (innermost === undefined) throw new CmsError('MALFORMED', 'nothing was entered')
    if (!innermost.indefinite) return this.#position === innermost.end
    return this.#atHand() < 1 ? null : this.#chunk[this.#at] === 0
  }

  /** Steps out of the element entered last, which must be at its end. */
  *leave(): Reading<void> {
    if (!(this.#isAtEnd() ?? (yield* this.atEnd())))
      throw new CmsError('MALFORMED', 'an element where none belongs')
    if (this.#open.pop()?.indefinite && (yield* this.#taken(2))[1] !== 0) {
      throw new CmsError('MALFORMED', 'a broken end of contents')
    }
  }

  /** The next element, its header included, at most `limit` bytes of it. */
  *element(limit: number): Reading<Uint8Array> {
    const whole = this.#elementAtHand(limit)
    if (whole !== null) return Buffer.from(whole)
    const record: Uint8Array[] = []
    this.#recorded = record
    yield* this.#walk((length) => this.#taken(length, limit), limit)
    this.#recorded = null
    return Buffer.concat(record)
  }

  /** One of definite length that lies whole in the chunk at hand, as most do; null: it takes a walk. */
  #elementAtHand(limit: number): Uint8Array | null {
    const header = headerAt(this.#chunk, this.#at)
    if (header === null || header.length === null || header.length > limit) return null
    const bytes = header.octets + header.length
    if (bytes > this.#atHand()) return null
    this.#count()
    return this.#take(bytes)
  }

  /** Like `element`; one of more than `limit` bytes is passed over, and null. */
  *elementOrSkip(limit: number): Reading<Uint8Array | null> {
    const start = this.#position
    const record: Uint8Array[] = []
    this.#recorded = record
    yield* this.#walk((length) => {
      if (this.#position - start + length > limit) this.#recorded = null
      return this.#recorded === null ? this.#passOver(length) : this.#taken(length)
    }, Number.POSITIVE_INFINITY)
    const isWhole = this.#recorded !== null
    this.#recorded = null
    return isWhole ? Buffer.concat(record) : null
  }

  /** Passes over the next element, whatever its size. */
  *skip(): Reading<void> {
    if (this.#elementAtHand(Number.POSITIVE_INFINITY) !== null) return
    yield* this.#walk((length) => this.#passOver(length), Number.POSITIVE_INFINITY)
  }

  *#passOver(length: number): Reading<void> {
    for (let left = length; left > 0; ) {
      if (this.#atHand() < 1) yield 1
      left -= this.#pieceAtHand(left).length
    }
  }

  /** One element; a definite length's value is handed to `value`, an indefinite one's is walked to its end. */
  *#walk(value: (length: number) => Reading<unknown>, limit: number): Reading<void> {
    const depth = this.#open.length
    const start = this.#position
    do {
      const header = this.#headerAtHand() ?? (yield* this.#header())
      if (this.#position - start > limit) throw new CmsError('LIMIT_EXCEEDED', `more than ${limit} bytes`)
      if (header.length === null) this.#push(header)
      else yield* value(header.length)
      yield* this.#leaveTo(depth)
    } while (this.#open.length > depth)
  }

  /** Steps out of elements that are at their end, at most until so many are open. */
  *#leaveTo(depth: number): Reading<void> {
    while (this.#open.length > depth && (this.#isAtEnd() ?? (yield* this.atEnd()))) yield* this.leave()
  }

  /**
   * The value of an OCTET STRING under `tag` (its primitive form), whole or in pieces within pieces.
   * Yields views of the bytes as they came, lent where those were.
   */
  async *octets(tag: number = TAG.OCTET_STRING): AsyncGenerator<Uint8Array> {
    const depth = this.#open.length
    let wanted = tag
    do {
      const whole = this.#open.length > depth ? this.#piecesAtHand() : null
      if (whole !== null) {
        yield whole
        if (this.#open.length > depth) await this.read(this.#leaveTo(depth))
        continue
      }
      const header = this.#headerAtHand() ?? (await this.read(this.#header()))
      if ((header.tag & ~CONSTRUCTED) !== wanted) throw unexpected(header.tag, wanted)
      if (header.tag & CONSTRUCTED) this.#push(header)
      else {
        const length = header.length as number
        if (length > 0 && length <= this.#atHand()) yield this.#pieceAtHand(length)
        else yield* this.#pieces(length)
      }
      wanted = TAG.OCTET_STRING
      if (this.#open.length > depth) await this.read(this.#leaveTo(depth))
    } while (this.#open.length > depth)
  }

  /** Of a string in pieces, those that are at hand. */
  #piecesAtHand(): Uint8Array | null {
    const end = Math.min(this.#chunk.length, this.#at + (this.#end() - this.#position))
    const pieces = joinPieces(this.#chunk, this.#at, end)
    if (pieces === null) return null
    this.#consumed(pieces.octets)
    return pieces.joined
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  async *#pieces(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      if (this.#atHand() < 1) await this.#need(1)
      const piece = this.#pieceAtHand(left)
      left -= piece.length
      yield piece
    }
  }

  /** As much of the value as the chunk has. */
  #pieceAtHand(length: number): Uint8Array {
    const piece = this.#chunk.subarray(this.#at, this.#at + length)
    this.#consumed(piece.length)
    return piece
  }

  *#taken(length: number, limit = Number.POSITIVE_INFINITY): Reading<Uint8Array> {
    if (length > limit)
      throw new CmsError('LIMIT_EXCEEDED', `an element of ${length} bytes; the limit is ${limit}`)
    this.#requireWithin(length)
    if (this.#atHand() < length) yield length
    return this.#take(length)
  }

  #requireWithin(length: number): void {
    if (this.#position + length > this.#end()) throw new CmsError('MALFORMED', 'a container ends too early')
  }

  /** Of the chunk at hand. */
  #take(length: number): Uint8Array {
    this.#requireWithin(length)
    const taken = this.#chunk.subarray(this.#at, this.#at + length)
    this.#consumed(length)
    this.#recorded?.push(Buffer.from(taken))
    return taken
  }

  #consumed(length: number): void {
    this.#at += length
    this.#position += length
  }

  /** Bytes of the chunk that are not consumed. */
  #atHand(): number {
    return this.#chunk.length - this.#at
  }

  /** Makes at least `length` bytes available in one chunk. */
  async #need(length: number): Promise<void> {
    let chunk = this.#chunk.subarray(this.#at)
    while (chunk.length < length) {
      // The chunk may be lent, until the next one is asked for.
      const kept = chunk.length === 0 ? null : Buffer.from(chunk)
      const { done, value } = await this.#source.next()
      if (done) throw new CmsError('MALFORMED', 'it ends too early')
      chunk = kept === null ? value : Buffer.concat([kept, value])
      this.#chunk = chunk
      this.#at = 0
    }
  }
}

function unexpected(found: number, wanted: number): CmsError {
  const hex = (tag: number) => `0x${tag.toString(16)}`
  return new CmsError('MALFORMED', `tag ${hex(found)} stands where ${hex(wanted)} belongs`)
}
