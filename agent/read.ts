import { type Mailbox, parseMailboxes } from './mime/addresses.ts'
import { owned } from './mime/bytes.ts'
import { readHead } from './mime/entity.ts'
import type { MessageStart } from './mime/head.ts'
import type { Header } from './mime/header.ts'
import { type Disposition, type MediaType, parseDisposition, parseMediaType } from './mime/media-type.ts'
import { decodeTransfer, isKnownEncoding } from './mime/transfer.ts'
import { type Step, type WalkOptions, walk, walkThrough } from './mime/walk.ts'
import { decodeWords } from './mime/words.ts'
import { lent, type Source, sliceOf } from './smime/source.ts'

export { safeFilename } from './read/safe-filename.ts'

/** All fields of one name, read as mailboxes. */
export interface MailboxField {
  /** How many such fields the header has. */
  readonly fields: number
  readonly mailboxes: readonly Mailbox[]
  /** Entries that are not one plain mailbox each, and why. */
  readonly problems: readonly string[]
}

/** What the header of a message says; the flows judge it (protocol.md IN-5, IN-6, N-2). */
export interface MessageFacts {
  readonly from: MailboxField
  readonly sender: MailboxField
  readonly to: MailboxField
  readonly cc: MailboxField
  /** Exactly as received, the first one; null where there is none or it is empty. */
  readonly messageId: string | null
  readonly messageIds: number
  /** Decoded, for people. */
  readonly subject: string
  readonly date: Date | null
  readonly inReplyTo: string | null
  readonly references: string | null
  readonly autoSubmitted: string | null
  /** Disposition-Notification-To and -Options, all there are (RFC 8098 2; protocol.md N-3, N-4). */
  readonly notificationTo: MailboxField
  readonly notificationOptions: string | null
  readonly mediaType: MediaType
}

/** Reads the header of a message, and no more. Throws MimeError when there is none, or it is too long. */
export async function readMessageHeader(message: Source): Promise<MessageFacts> {
  return factsOf((await readHead(message.read())).header)
}

/** The same of a header that was read already. */
export function factsOf(header: Header): MessageFacts {
  const ids = header.all('Message-ID')
  const date = new Date(header.first('Date')?.replace(/\([^()]*\)/g, '') ?? Number.NaN)
  return {
    from: mailboxField(header, 'From'),
    sender: mailboxField(header, 'Sender'),
    to: mailboxField(header, 'To'),
    cc: mailboxField(header, 'Cc'),
    messageId: ids[0] || null,
    messageIds: ids.length,
    subject: forPeople(header.first('Subject') ?? ''),
    date: Number.isNaN(date.getTime()) ? null : date,
    inReplyTo: header.first('In-Reply-To'),
    references: header.first('References'),
    autoSubmitted: header.first('Auto-Submitted'),
    notificationTo: mailboxField(header, 'Disposition-Notification-To'),
    notificationOptions: header.all('Disposition-Notification-Options').join('; ') || null,
    mediaType: parseMediaType(header.first('Content-Type')) ?? { type: 'text/plain', parameters: new Map() },
  }
}

function mailboxField(header: Header, name: string): MailboxField {
  const read = header.all(name).map(parseMailboxes)
  const [only, ...more] = read
  if (only === undefined) return NO_FIELD
  if (more.length === 0) return { fields: 1, ...only }
  return {
    fields: read.length,
    mailboxes: read.flatMap(({ mailboxes }) => mailboxes),
    problems: read.flatMap(({ problems }) => problems),
  }
}

const NO_FIELD: MailboxField = { fields: 0, mailboxes: [], problems: [] }

/** Decoded words may hide controls; a person sees that something was there. */
function forPeople(text: string): string {
  return decodeWords(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}

/** One leaf of a message. */
export interface MessagePart {
  /** As the sender wrote it, decoded: data, never a path (`safeFilename`). */
  readonly filename: string | null
  /** `type/subtype` in lower case. */
  readonly contentType: string
  readonly disposition: 'attachment' | 'inline' | null
  readonly header: Header
  /** Its content, transfer encoding undone. To be read once, before the next part is asked for. */
  read(): AsyncIterable<Uint8Array>
}

/**
 * The leaves of a message in order, as a stream; a message within the message is one leaf. A transfer encoding that is
 * not known leaves the bytes as they are, and their type application/octet-stream (RFC 2045 6.4). Throws MimeError
 * beyond the limits of protocol.md IN-11. Chunks are the reader's own; `lend`: for whoever keeps nothing, each is good until
 * the next one is asked for.
 */
export async function* readParts(message: Source, { lend = false } = {}): AsyncGenerator<MessagePart> {
  const steps = walk(lent(message), PARTS)
  try {
    for (let next = await steps.next(); !next.done; next = await steps.next()) {
      const leaf = next.value
      if (leaf.kind !== 'entity' || leaf.role !== 'leaf') continue
      const disposition = parseDisposition(leaf.header.first('Content-Disposition'))
      const known = isKnownEncoding(leaf.encoding)
      const content = contentOf(steps)
      const decoded = () => decodeTransfer(content, known ? leaf.encoding : 'binary', { lend: true })
      yield {
        filename: (textOf(disposition, 'filename') ?? textOf(leaf.type, 'name')) || null,
        contentType: known ? leaf.type.type : 'application/octet-stream',
        header: leaf.header,
        disposition: dispositionOf(disposition?.disposition),
        read: lend ? decoded : () => owned(decoded()),
      }
      for await (const _ of content);
    }
  } finally {
    await steps.return(undefined)
  }
}

/** Reads as far as `readParts` does, and throws as it does; nothing is decoded. `head`: the message's own. */
export async function checkParts(message: Source, head: MessageStart): Promise<void> {
  await walkThrough(head, lent(sliceOf(message, head.bodyStart)), PARTS)
}

const PARTS: WalkOptions = { into: ({ type }) => type.startsWith('multipart/') }

/** Encoded words have no place in a parameter (RFC 2047 5), and are common there; in a charset, what looks like one is text. */
function textOf(value: Disposition | MediaType | null, parameter: string): string | null {
  const text = value?.parameters.get(parameter) ?? null
  return text === null || value?.inCharset?.has(parameter) ? text : decodeWords(text)
}

/** RFC 2183 2.8: one that is not known is an attachment. */
function dispositionOf(value: string | undefined): MessagePart['disposition'] {
  if (value === undefined) return null
  return value === 'inline' ? 'inline' : 'attachment'
}

/** A leaf's content up to its end, once; leaving it early leaves the rest for whoever reads on. */
function contentOf(steps: AsyncGenerator<Step>): AsyncIterable<Uint8Array> {
  let ended = false
  const iterator: AsyncIterableIterator<Uint8Array> = {
    async next() {
      const step = ended ? null : await steps.next()
      if (step && !step.done && step.value.kind === 'content') return { done: false, value: step.value.bytes }
      ended = true
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return iterator
}
