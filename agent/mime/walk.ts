import { MimeError } from './error.ts'
import { type Head, type HeadSearch, MessageHead, type MessageStart, PartHead } from './head.ts'
import type { Header } from './header.ts'
import { LIMITS } from './limits.ts'
import { type MediaType, parseMediaType } from './media-type.ts'
import { MultipartCutter, type Piece } from './multipart.ts'
import { isIdentityEncoding, transferEncoding } from './transfer.ts'

/** An entity begins: its header. What follows of a leaf is `content` until `end`; others hold entities. */
export interface EntityStart {
  readonly kind: 'entity'
  /** Counts from 0, the message itself, in the order of the bytes. */
  readonly index: number
  /** The entity that holds this one; null for the message itself. */
  readonly parent: number | null
  readonly role: 'leaf' | 'multipart' | 'message'
  readonly type: MediaType
  /** In lower case, `7bit` where the header names none. */
  readonly encoding: string
  readonly header: Header
  readonly headerBlock: Uint8Array
  readonly separator: Uint8Array
}

/**
 * One step through a message. All bytes of the message, in order and exactly: `headerBlock` and `separator` of each
 * entity, `content` of leaves, and `frame`, the delimiters, preambles and epilogues of multiparts.
 */
export type Step =
  | EntityStart
  | { readonly kind: 'content' | 'frame'; readonly index: number; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly index: number }

export interface WalkOptions {
  /** Into which entities; a multipart without a usable boundary, or with a transfer encoding, is a leaf anyway. */
  readonly into: (type: MediaType) => boolean
}

/** Walks through a message as a stream. Throws MimeError: see `openEntity`, and `LIMIT_EXCEEDED` by IN-11. */
export async function* walk(bytes: AsyncIterable<Uint8Array>, { into }: WalkOptions): AsyncGenerator<Step> {
  const message = new OpenEntity(new Walked(into), TOP)
  for await (const chunk of bytes) for (const step of message.push(chunk)) yield step
  for (const step of message.end()) yield step
}

/** The same to its end, for whoever has read the head and asks only whether the rest can be read. */
export async function walkThrough(
  head: MessageStart,
  body: AsyncIterable<Uint8Array>,
  { into }: WalkOptions,
): Promise<void> {
  const message = new OpenEntity(new Walked(into), TOP)
  for (const _ of message.begin({ ...head, rest: NOTHING }));
  for await (const chunk of body) for (const _ of message.push(chunk));
  for (const _ of message.end());
}

const NOTHING = new Uint8Array()

/** What the entities of one message have in common, and what IN-11 bounds over all of them. */
class Walked {
  readonly into: WalkOptions['into']
  #entities = 0
  #headerBytes = 0
  #fields = 0

  constructor(into: WalkOptions['into']) {
    this.into = into
  }

  nextIndex(): number {
    return this.#entities++
  }

  count({ header: { fields }, headerBlock }: MessageStart): void {
    this.#headerBytes += headerBlock.length
    this.#fields += fields.length
    if (this.#headerBytes > LIMITS.allHeaderBytes)
      throw new MimeError('LIMIT_EXCEEDED', `headers of more than ${LIMITS.allHeaderBytes} bytes in all`)
    if (this.#fields > LIMITS.allFields)
      throw new MimeError('LIMIT_EXCEEDED', `more than ${LIMITS.allFields} header fields in all`)
  }
}

interface Place {
  readonly depth: number
  readonly parent: number | null
  /** What an entity is that does not say so (RFC 2046 5.1.5 for multipart/digest). */
  readonly type: string
}

const TOP: Place = { depth: 0, parent: null, type: 'text/plain' }

/**
 * An entity that is handed to it chunk by chunk. Its steps are views of the chunk, and made as they are asked for:
 * whatever is wrong further on does not show before.
 */
class OpenEntity {
  readonly #message: Walked
  readonly #place: Place
  readonly #index: number
  /** Null once the header is complete. */
  #head: HeadSearch | null
  #role: EntityStart['role'] = 'leaf'
  /** Of a multipart: where its parts begin and end, and what they are that do not say so. */
  #cutter: MultipartCutter | null = null
  #partType = 'text/plain'
  /** The part that is open, or the message within. */
  #child: OpenEntity | null = null

  constructor(message: Walked, place: Place) {
    this.#message = message
    this.#place = place
    this.#index = message.nextIndex()
    this.#head = place.parent === null ? new MessageHead() : new PartHead()
  }

  *push(chunk: Uint8Array): Generator<Step> {
    const head = this.#head?.push(chunk)
    if (head === undefined) yield* this.#body(chunk)
    else if (head !== null) yield* this.begin(head)
  }

  *end(): Generator<Step> {
    if (this.#head !== null) yield* this.begin(this.#head.end())
    for (const piece of this.#cutter?.end() ?? []) yield* this.#take(piece)
    if (this.#child !== null) yield* this.#child.end()
    if (this.#role === 'leaf') yield { kind: 'end', index: this.#index }
  }

  /** `head`: its own, in whatever way it was read. */
  *begin(head: MessageStart & Pick<Head, 'rest'>): Generator<Step> {
    const { depth, parent } = this.#place
    const index = this.#index
    this.#head = null
    if (depth > LIMITS.depth)
      throw new MimeError('LIMIT_EXCEEDED', `parts are nested deeper than ${LIMITS.depth}`)
    if (index > LIMITS.parts) throw new MimeError('LIMIT_EXCEEDED', `more than ${LIMITS.parts} parts`)
    this.#message.count(head)
    const { header, headerBlock, separator, rest } = head
    const type = parseMediaType(header.first('Content-Type')) ?? {
      type: this.#place.type,
      parameters: new Map(),
    }
    const encoding = transferEncoding(header.first('Content-Transfer-Encoding'))
    const role = this.#roleOf(type, encoding)
    yield { kind: 'entity', index, parent, role, type, encoding, header, headerBlock, separator }
    this.#role = role
    if (role === 'message') this.#child = this.#entityWithin('text/plain')
    else if (role === 'multipart') {
      this.#cutter = new MultipartCutter(type.parameters.get('boundary') ?? '')
      this.#partType = type.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain'
    }
    yield* this.#body(rest)
  }

  #roleOf(type: MediaType, encoding: string): EntityStart['role'] {
    if (!isIdentityEncoding(encoding) || !this.#message.into(type)) return 'leaf'
    if (type.type === 'message/rfc822') return 'message'
    const boundary = type.parameters.get('boundary') ?? ''
    return type.type.startsWith('multipart/') && /^[\x20-\x7e]*[\x21-\x7e]$/.test(boundary)
      ? 'multipart'
      : 'leaf'
  }

  #entityWithin(type: string): OpenEntity {
    return new OpenEntity(this.#message, { depth: this.#place.depth + 1, parent: this.#index, type })
  }

  *#body(bytes: Uint8Array): Generator<Step> {
    if (bytes.length === 0) return
    if (this.#cutter !== null) for (const piece of this.#cutter.push(bytes)) yield* this.#take(piece)
    else if (this.#child !== null) yield* this.#child.push(bytes)
    else yield { kind: 'content', index: this.#index, bytes }
  }

  *#take(piece: Piece): Generator<Step> {
    const { kind, bytes } = piece
    if (kind === 'content' && this.#child !== null) {
      yield* this.#child.push(bytes)
      return
    }
    if (this.#child !== null) yield* this.#child.end()
    this.#child = null
    yield { kind: 'frame', index: this.#index, bytes }
    if (kind === 'delimiter' && !piece.closing) this.#child = this.#entityWithin(this.#partType)
  }
}
