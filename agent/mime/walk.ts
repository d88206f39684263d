import { openEntity, openPart } from './entity.ts'
import { MimeError } from './error.ts'
import type { Header } from './header.ts'
import { LIMITS } from './limits.ts'
import { type MediaType, parseMediaType } from './media-type.ts'
import { cutMultipart, type Piece } from './multipart.ts'
import { transferEncoding } from './transfer.ts'

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
export function walk(bytes: AsyncIterable<Uint8Array>, options: WalkOptions): AsyncGenerator<Step> {
  return new Walk(options).entity(bytes, { depth: 0, parent: null, type: 'text/plain' })
}

interface Place {
  readonly depth: number
  readonly parent: number | null
  /** What an entity is that does not say so (RFC 2046 5.1.5 for multipart/digest). */
  readonly type: string
}

class Walk {
  #entities = 0
  #headerBytes = 0
  #fields = 0
  readonly #options: WalkOptions

  constructor(options: WalkOptions) {
    this.#options = options
  }

  async *entity(bytes: AsyncIterable<Uint8Array>, place: Place): AsyncGenerator<Step> {
    const index = this.#entities++
    const { header, headerBlock, separator, body } = await (place.parent === null ? openEntity : openPart)(
      bytes,
    )
    if (place.depth > LIMITS.depth)
      throw new MimeError('LIMIT_EXCEEDED', `parts are nested deeper than ${LIMITS.depth}`)
    if (index > LIMITS.parts) throw new MimeError('LIMIT_EXCEEDED', `more than ${LIMITS.parts} parts`)
    this.#count(header, headerBlock)
    const type = parseMediaType(header.first('Content-Type')) ?? { type: place.type, parameters: new Map() }
    const encoding = transferEncoding(header.first('Content-Transfer-Encoding'))
    const role = this.#role(type, encoding)
    yield {
      kind: 'entity',
      index,
      parent: place.parent,
      role,
      type,
      encoding,
      header,
      headerBlock,
      separator,
    }
    const child = { depth: place.depth + 1, parent: index, type: 'text/plain' }
    if (role === 'multipart') {
      const childType = type.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain'
      yield* this.#multipart(body, type.parameters.get('boundary') ?? '', { ...child, type: childType })
    } else if (role === 'message') yield* this.entity(body, child)
    else {
      for await (const bytes of body) yield { kind: 'content', index, bytes }
      yield { kind: 'end', index }
    }
  }

  #count({ fields }: Header, { length }: Uint8Array): void {
    this.#headerBytes += length
    this.#fields += fields.length
    if (this.#headerBytes > LIMITS.allHeaderBytes)
      throw new MimeError('LIMIT_EXCEEDED', `headers of more than ${LIMITS.allHeaderBytes} bytes in all`)
    if (this.#fields > LIMITS.allFields)
      throw new MimeError('LIMIT_EXCEEDED', `more than ${LIMITS.allFields} header fields in all`)
  }

  #role(type: MediaType, encoding: string): EntityStart['role'] {
    if (!['7bit', '8bit', 'binary'].includes(encoding) || !this.#options.into(type)) return 'leaf'
    if (type.type === 'message/rfc822') return 'message'
    const boundary = type.parameters.get('boundary') ?? ''
    return type.type.startsWith('multipart/') && /^[\x20-\x7e]*[\x21-\x7e]$/.test(boundary)
      ? 'multipart'
      : 'leaf'
  }

  async *#multipart(
    body: AsyncIterable<Uint8Array>,
    boundary: string,
    place: Place & { readonly parent: number },
  ): AsyncGenerator<Step> {
    const index = place.parent
    const pieces = cutMultipart(body, boundary)
    const cut: Cut = { delimiter: null }
    try {
      for await (const bytes of upToDelimiter(pieces, cut)) yield { kind: 'frame', index, bytes }
      for (let last = cut.delimiter; last !== null; last = cut.delimiter) {
        yield { kind: 'frame', index, bytes: last.bytes }
        if (!last.closing) yield* this.entity(upToDelimiter(pieces, cut), place)
        else for await (const bytes of upToDelimiter(pieces, cut)) yield { kind: 'frame', index, bytes }
      }
    } finally {
      await pieces.return(undefined)
    }
  }
}

interface Cut {
  /** Null: the body ended without one. */
  delimiter: (Piece & { readonly kind: 'delimiter' }) | null
}

async function* upToDelimiter(pieces: AsyncGenerator<Piece>, cut: Cut): AsyncGenerator<Uint8Array> {
  cut.delimiter = null
  // Not `for await`: it would close the pieces, which go on after the delimiter.
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    const piece = next.value
    if (piece.kind === 'content') yield piece.bytes
    else {
      cut.delimiter = piece
      return
    }
  }
}
