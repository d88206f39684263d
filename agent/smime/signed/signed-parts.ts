import type { MessageCode, Reason } from '../../errors.ts'
import { Gathered } from '../../mime/bytes.ts'
import { MimeError } from '../../mime/error.ts'
import { LIMITS } from '../../mime/limits.ts'
import { MultipartCutter, type Piece } from '../../mime/multipart.ts'
import type { ReceivedDigest } from '../algorithms.ts'
import { UNDECRYPTABLE } from '../undecryptable.ts'
import { ContentHash, type Hashed } from './signed-content.ts'
import { isBlank } from './trailing.ts'

/** The signature's part, its MIME header and base64 included. */
const MAX_SIGNATURE_BYTES = 16 << 20

/** What is signed, and by what. */
export interface SignedPart {
  /** Where part one begins and ends: its exact bytes, without the line end that is the delimiter's (RFC 2046 5.1.1). */
  readonly first: readonly [start: number, end: number]
  readonly hashed: Hashed
  /** Part two, header and body. */
  readonly second: Uint8Array
  /** Whether the multipart has its end, and nothing stands behind it. */
  readonly isClosed: boolean
}

/** The two parts of a multipart/signed (RFC 1847 2.1) whose body is handed to it chunk by chunk. */
export class SignedParts {
  readonly #cutter: MultipartCutter
  readonly #signed: ContentHash
  /** Whatever is not part one is hashed in vain: a message that has none takes as long as one that has (ALG-2). */
  readonly #unsigned: ContentHash
  readonly #second = new Gathered()
  #at: number
  #first: [number, number]
  #parts = 0
  #closed = false
  #isBlankBehind = true

  /** `start`: where the body begins. `digests`: of part one. */
  constructor(boundary: string, start: number, digests: ReadonlySet<ReceivedDigest>) {
    this.#cutter = new MultipartCutter(boundary)
    this.#signed = new ContentHash(digests)
    this.#unsigned = new ContentHash(digests)
    this.#at = start
    this.#first = [start, start]
  }

  /** Throws MimeError LIMIT_EXCEEDED. */
  update(chunk: Uint8Array): void {
    for (const piece of this.#cutter.push(chunk)) this.#take(piece)
  }

  end(): SignedPart | Reason<MessageCode> {
    for (const piece of this.#cutter.end()) this.#take(piece)
    const hashed = this.#signed.digest()
    if (this.#parts < 2) return UNDECRYPTABLE
    if (this.#parts > 2)
      return {
        code: 'MALFORMED',
        text: `the multipart/signed has ${this.#parts} parts; it must have two (RFC 1847 2.1)`,
      }
    const isClosed = this.#closed && this.#isBlankBehind
    return { first: this.#first, hashed, second: this.#second.bytes, isClosed }
  }

  #take(piece: Piece): void {
    const start = this.#at
    this.#at += piece.bytes.length
    const isContent = piece.kind === 'content'
    const hash = isContent && this.#parts === 1 && !this.#closed ? this.#signed : this.#unsigned
    hash.update(piece.bytes)
    if (!isContent) this.#delimiter(start, piece.closing)
    else if (this.#closed) this.#isBlankBehind &&= isBlank(piece.bytes)
    else if (this.#parts === 2) this.#addToSecond(piece.bytes)
  }

  #addToSecond(bytes: Uint8Array): void {
    if (this.#second.length + bytes.length > MAX_SIGNATURE_BYTES)
      throw new MimeError('LIMIT_EXCEEDED', `a signature of more than ${MAX_SIGNATURE_BYTES} bytes`)
    this.#second.add(bytes)
  }

  #delimiter(start: number, closing: boolean): void {
    if (this.#parts === 1) this.#first = [this.#first[0], start]
    this.#closed = closing
    if (closing) return
    this.#parts++
    if (this.#parts > LIMITS.parts) throw new MimeError('LIMIT_EXCEEDED', `more than ${LIMITS.parts} parts`)
    if (this.#parts === 1) this.#first = [this.#at, this.#at]
  }
}
