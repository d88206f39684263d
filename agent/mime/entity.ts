import {
  type EntityLimits,
  type Head,
  type HeadSearch,
  MessageHead,
  type MessageStart,
  PartHead,
} from './head.ts'

export interface Entity extends MessageStart {
  /** Everything after the blank line, to be read once. Leaving it early lets go of the source. */
  readonly body: AsyncIterable<Uint8Array>
  /** Lets go of the source when the body is not wanted. */
  discard(): Promise<void>
}

/**
 * Reads the header of a message and hands on the rest as it comes. Blank lines, blanks and a mbox `From ` line before
 * the first field are skipped, and so is a byte order mark (protocol.md IN-2). Throws MimeError: `LIMIT_EXCEEDED`, or
 * `MALFORMED` when the start is no header at all.
 */
export async function openEntity(
  bytes: AsyncIterable<Uint8Array>,
  limits: EntityLimits = {},
): Promise<Entity> {
  const source = bytes[Symbol.asyncIterator]()
  return entityOf(await headFrom(source, new MessageHead(limits)), source)
}

/**
 * Reads the header of a part of a multipart. It may be missing: a part that begins with a blank line has none, and one
 * that holds no field at all is body from its first byte on (RFC 2046 5.1).
 */
export async function openPart(bytes: AsyncIterable<Uint8Array>, limits: EntityLimits = {}): Promise<Entity> {
  const source = bytes[Symbol.asyncIterator]()
  return entityOf(await headFrom(source, new PartHead(limits)), source)
}

/** The header of a message, and no more of it. Throws MimeError as `openEntity` does. */
export async function readHead(bytes: AsyncIterable<Uint8Array>): Promise<MessageStart> {
  const search = new MessageHead()
  for await (const chunk of bytes) {
    const head = search.push(chunk)
    if (head !== null) return head
  }
  return search.end()
}

function entityOf(head: Head, source: AsyncIterator<Uint8Array>): Entity {
  const { header, headerBlock, separator, bodyStart, rest } = head
  return {
    header,
    headerBlock,
    separator,
    bodyStart,
    body: new Rest(rest, source),
    async discard() {
      await source.return?.()
    },
  }
}

async function headFrom(source: AsyncIterator<Uint8Array>, search: HeadSearch): Promise<Head> {
  try {
    for (;;) {
      const { done, value } = await source.next()
      const head = done ? search.end() : search.push(value)
      if (head !== null) return head
    }
  } catch (error) {
    await source.return?.()
    throw error
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
