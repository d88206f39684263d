import { createHash } from 'node:crypto'
import type { Address } from '../address.ts'
import { formatDate } from '../compose/date.ts'
import { once } from '../smime/source.ts'
import { type Composed, wrap } from '../smime/wrap.ts'

/** The header of a report about a message: an MDN, or a failure notice. */
export interface ReportHeader {
  readonly from: Address
  readonly to: Address
  readonly subject: string
  readonly date: Date
  /** Its own, with its angle brackets; it keeps it however often it is sent. */
  readonly messageId: string
  /** Of the message that it is about. */
  readonly originalMessageId: string
  /** RFC 3834 5: nobody answers it. */
  readonly autoSubmitted: 'auto-replied' | 'auto-generated'
  /** RFC 6522 3. */
  readonly reportType: 'disposition-notification' | 'delivery-status'
}

/** One part: its media type, and its lines. */
export type ReportPart = readonly [contentType: string, lines: readonly string[]]

/** A whole multipart/report (RFC 6522 3), CRLF; 7-bit where the lines are. The same facts give the same bytes. */
export function multipartReport(header: ReportHeader, parts: readonly ReportPart[]): Uint8Array {
  const { messageId, originalMessageId, reportType } = header
  const name = reportType === 'delivery-status' ? 'dsn' : 'mdn'
  const boundary = `${name}-${createHash('sha256').update(messageId).digest('hex').slice(0, 32)}`
  return Buffer.from(
    [
      `From: ${header.from}`,
      `To: ${header.to}`,
      `Subject: ${header.subject}`,
      `Date: ${formatDate(header.date)}`,
      `Message-ID: ${messageId}`,
      `In-Reply-To: ${originalMessageId}`,
      `References: ${originalMessageId}`,
      `Auto-Submitted: ${header.autoSubmitted}`,
      'MIME-Version: 1.0',
      `Content-Type: multipart/report; report-type=${reportType};`,
      ` boundary="${boundary}"`,
      ...parts.flatMap(([type, lines]) => ['', `--${boundary}`, `Content-Type: ${type}`, '', ...lines]),
      '',
      `--${boundary}--`,
      '',
    ].join('\r\n'),
    'latin1',
  )
}

/** A report ready to be signed like any message. `bytes`: what `multipartReport` made under this header. */
export function composeReport(
  { from, to, date, messageId, originalMessageId }: ReportHeader,
  bytes: Uint8Array,
): Composed {
  return wrap(
    { bytes: bytes.length, read: () => once(bytes) },
    {
      messageId,
      date: formatDate(date),
      from,
      to: [to],
      cc: [],
      bcc: [],
      inReplyTo: originalMessageId,
      references: originalMessageId,
    },
  )
}
