import { parseMailboxes } from '../mime/addresses.ts'
import { MimeError } from '../mime/error.ts'
import { Header } from '../mime/header.ts'

/** What a notification says of one recipient; only `processed`, `dispatched` and `failed` count (N-5). */
export interface NotifiedRecipient {
  /** Final-Recipient; null where it is missing or no address. */
  readonly address: string | null
  readonly disposition: 'processed' | 'dispatched' | 'failed' | 'unknown'
  /** The other side's own words, made printable: a disposition, or a status with its diagnostic code. */
  readonly detail: string | null
}

/** More than any report needs that speaks of one message. */
const LONGEST_REPORT = 1 << 20

/** The groups of fields of a message/disposition-notification or message/delivery-status (RFC 8098 3.1, RFC 3464 2.1). */
export async function readFieldGroups(content: AsyncIterable<Uint8Array>): Promise<Header[]> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of content) {
    length += chunk.length
    if (length > LONGEST_REPORT)
      throw new MimeError('LIMIT_EXCEEDED', `a report is longer than ${LONGEST_REPORT} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
    .toString('latin1')
    .split(/(?<=\n)[ \t]*\r?\n/)
    .filter((group) => group.trim() !== '')
    .map((group) => Header.parse(Buffer.from(group, 'latin1')))
}

/** `rfc822; a@b`, leniently: without the type, with a friendly name (protocol.md N-5). Null when it names no address. */
export function readRecipient(value: string | null): string | null {
  const said = withoutComments(value ?? '').trim()
  const { mailboxes } = parseMailboxes(said.replace(/^[\w-]+[ \t]*;/, '').trim())
  return mailboxes.length === 1 ? (mailboxes[0]?.address.toString() ?? null) : null
}

/** The Message-ID in a field that names one; null where there is none. */
export function readMessageId(value: string | null): string | null {
  return idsIn(value)[0] ?? null
}

/** The message that a report speaks of, when its own fields do not say: In-Reply-To, else the last of References. */
export function readThread(inReplyTo: string | null, references: string | null): string | null {
  return idsIn(inReplyTo)[0] ?? idsIn(references).at(-1) ?? null
}

/** All messages that a message says it answers, those of In-Reply-To last. */
export function readThreadIds(inReplyTo: string | null, references: string | null): readonly string[] {
  return [...idsIn(references), ...idsIn(inReplyTo)]
}

/** N-5: with comments beside them, with a fold within, and one that lacks its angle brackets; ours have them, and no blank. */
function idsIn(value: string | null): readonly string[] {
  const bracketed = value?.match(/<[^<>]*>/g)
  if (bracketed) return bracketed.map((id) => id.replace(/[ \t]+/g, ''))
  const bare = withoutComments(value ?? '').trim()
  if (bare === '') return []
  return [/^[^<>\s]+$/.test(bare) ? `<${bare}>` : bare]
}

/** A field's value without its comments, which nest, and may stand anywhere but within quotes (RFC 8098 3.1.1, RFC 5322 3.2.2). */
export function withoutComments(value: string): string {
  let depth = 0
  let isQuoted = false
  let text = ''
  for (let at = 0; at < value.length; at++) {
    const start = at
    if (value[at] === '\\') at++
    else if (value[at] === '"' && depth === 0) isQuoted = !isQuoted
    else if (value[at] === '(' && !isQuoted) depth++
    else if (value[at] === ')' && depth > 0) {
      depth--
      continue
    }
    if (depth === 0) text += value.slice(start, at + 1)
  }
  return text
}

/** A remote program's words, fit for a log and a person: one line of at most 200 printable ASCII characters. */
export function quote(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 200)
}
