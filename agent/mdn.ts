import type { Address } from './address.ts'
import { readDeliveryStatus } from './dsn.ts'
import { DirectError } from './errors.ts'
import { readHead } from './mime/entity.ts'
import type { Header } from './mime/header.ts'
import { composeReport, multipartReport, type ReportHeader } from './notices/multipart-report.ts'
import {
  type NotifiedRecipient,
  quote,
  readFieldGroups,
  readMessageId,
  readRecipient,
  readThread,
  withoutComments,
} from './read/report-fields.ts'
import { type MessageFacts, readMessageHeader, readParts } from './read.ts'
import type { Source } from './smime/source.ts'
import type { Composed } from './smime/wrap.ts'

export type { NotifiedRecipient } from './read/report-fields.ts'

/** What an MDN is made of (protocol.md N-1, N-2). */
export interface MdnFacts {
  /** The local recipient that speaks: From and Final-Recipient. */
  readonly from: Address
  /** The author of the message that is answered. */
  readonly to: Address
  /** Exactly as received. */
  readonly originalMessageId: string
  /** The MDN's own, with its angle brackets; it keeps it however often it is sent. */
  readonly messageId: string
  readonly date: Date
  /** `host; product`. */
  readonly reportingUa: string
  /** `dispatched`: its destination has it; `failed`: it will not be had there (N-4). */
  readonly kind: 'processed' | 'dispatched' | 'failed'
}

/**
 * A whole MDN, CRLF and 7-bit (RFC 8098 3). The same facts give the same bytes. Throws DirectError
 * `MESSAGE_INVALID` when the Message-ID as received cannot stand in a header: controls, other than ASCII, or too long.
 */
export function writeMdn(mdn: MdnFacts): Uint8Array {
  const { from, originalMessageId, messageId, reportingUa, kind } = mdn
  const { said, fields } = KINDS[kind]
  for (const value of [originalMessageId, messageId, reportingUa])
    if (!/^[\x20-\x7e]{1,900}$/.test(value))
      throw new DirectError(
        'MESSAGE_INVALID',
        'an MDN cannot name a Message-ID that holds other than printable ASCII',
        {
          hint: 'The message is received, and its sender hears nothing of it.',
        },
      )
  return multipartReport(headerOf(mdn), [
    ['text/plain; charset=us-ascii', said(from)],
    [
      'message/disposition-notification',
      [
        `Reporting-UA: ${reportingUa}`,
        `Final-Recipient: rfc822; ${from}`,
        `Original-Message-ID: ${originalMessageId}`,
        // Compared literally by ETT (N-1).
        `Disposition: automatic-action/MDN-sent-automatically; ${kind}`,
        ...fields,
      ],
    ],
  ])
}

function headerOf({ from, to, originalMessageId, messageId, date, kind }: MdnFacts): ReportHeader {
  return {
    from,
    to,
    subject: KINDS[kind].subject,
    date,
    messageId,
    originalMessageId,
    autoSubmitted: 'auto-replied',
    reportType: 'disposition-notification',
  }
}

/** What the EHR said of a message that it refused could name a patient: it stays here. */
const KINDS: Readonly<
  Record<
    MdnFacts['kind'],
    {
      readonly subject: string
      readonly said: (recipient: Address) => readonly string[]
      readonly fields: readonly string[]
    }
  >
> = {
  processed: {
    subject: 'Processed',
    said: (recipient) => [
      `The agent of ${recipient} has received and trusted your message.`,
      'That does not mean that anyone has read it.',
    ],
    fields: [],
  },
  dispatched: {
    subject: 'Dispatched',
    said: (recipient) => [
      `Your message has been delivered to the system of ${recipient}.`,
      'That does not mean that anyone has read it.',
    ],
    fields: ['X-DIRECT-FINAL-DESTINATION-DELIVERY: '],
  },
  failed: {
    subject: 'Failed',
    said: (recipient) => [
      `Your message was received, and could not be delivered to ${recipient}.`,
      'Please reach the recipient by another way.',
    ],
    fields: ['Failure: not delivered'],
  },
}

/** The same, ready to be signed like any message (N-2). */
export function composeMdn(mdn: MdnFacts): Composed {
  return composeReport(headerOf(mdn), writeMdn(mdn))
}

/** An MDN or a DSN, as read. */
export interface Notification {
  readonly kind: 'mdn' | 'dsn'
  /** Original-Message-ID, else what In-Reply-To or References name, else what stands in the header that is returned. */
  readonly originalMessageId: string | null
  readonly recipients: readonly NotifiedRecipient[]
}

const REPORTS: Readonly<Record<string, { kind: Notification['kind']; part: string }>> = {
  'disposition-notification': { kind: 'mdn', part: 'message/disposition-notification' },
  'delivery-status': { kind: 'dsn', part: 'message/delivery-status' },
}

function reportOf({ mediaType }: Pick<MessageFacts, 'mediaType'>) {
  if (mediaType.type !== 'multipart/report') return null
  return REPORTS[mediaType.parameters.get('report-type')?.toLowerCase() ?? ''] ?? null
}

/** An MDN or a DSN by its header (RFC 6522 3). Whatever is one is tracked, and never delivered. */
export function isNotification(facts: Pick<MessageFacts, 'mediaType'>): boolean {
  return reportOf(facts) !== null
}

/** N-2: no MDN in answer to an MDN, a DSN, or Auto-Submitted mail (RFC 3834 5). */
export function answersNothing(facts: Pick<MessageFacts, 'mediaType' | 'autoSubmitted'>): boolean {
  const automatic =
    facts.autoSubmitted
      // `.` is any character: were it not, each `;` before a line end would be a try of its own.
      ?.replace(/\([^()]*\)|;.*$/gs, '')
      .trim()
      .toLowerCase() ?? 'no'
  return facts.mediaType.type === 'multipart/report' || automatic !== 'no'
}

/**
 * Reads an MDN or a DSN leniently (N-5); null when it is neither, by the same test as `isNotification`. A report that
 * lacks its machine-readable part speaks of no recipient. Throws MimeError for MIME beyond the limits.
 */
export async function readNotification(message: Source): Promise<Notification | null> {
  const facts = await readMessageHeader(message)
  const report = reportOf(facts)
  if (report === null) return null
  let originalMessageId = readThread(facts.inReplyTo, facts.references)
  let recipients: readonly NotifiedRecipient[] | null = null
  for await (const part of readParts(message)) {
    if (recipients === null && part.contentType === report.part) {
      // Some agents forget the blank line: then the fields stand in the part's own header.
      const groups = [part.header, ...(await readFieldGroups(part.read()))]
      const said = report.kind === 'dsn' ? readDeliveryStatus(groups) : readDispositions(groups)
      recipients = said.recipients
      originalMessageId = said.originalMessageId ?? originalMessageId
    } else if (originalMessageId === null && RETURNED.has(part.contentType)) {
      originalMessageId = readMessageId((await readHead(part.read())).header.first('Message-ID'))
    }
    if (recipients !== null && originalMessageId !== null) break
  }
  return { kind: report.kind, originalMessageId, recipients: recipients ?? [] }
}

/** The third part of a report (RFC 6522 3): a mail server's own DSN names the message there alone (RFC 3464 2.2). */
const RETURNED: ReadonlySet<string> = new Set(['text/rfc822-headers', 'message/rfc822'])

/** One recipient; stray blank lines among its fields are borne. */
function readDispositions(groups: readonly Header[]) {
  const first = (name: string) =>
    groups.map((group) => group.first(name)).find((value) => value !== null) ?? null
  const text = first('Disposition')
  const recipient: NotifiedRecipient = {
    address: readRecipient(first('Final-Recipient')),
    disposition: readDisposition(text ?? ''),
    detail: text === null ? null : quote(text),
  }
  return { originalMessageId: readMessageId(first('Original-Message-ID')), recipients: [recipient] }
}

/** `mode; type/modifier,modifier` (RFC 8098 3.2.6); the mode's spelling does not matter. */
function readDisposition(text: string): NotifiedRecipient['disposition'] {
  const said = withoutComments(text)
  const [type, ...modifiers] = said
    .slice(said.indexOf(';') + 1)
    .toLowerCase()
    .split(/[/,;]/)
    .map((word) => word.trim())
  if ([type, ...modifiers].some((word) => word === 'failed' || word === 'denied' || word === 'error'))
    return 'failed'
  return type === 'processed' || type === 'dispatched' ? type : 'unknown'
}
