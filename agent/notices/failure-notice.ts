import type { Concerned } from '../../store/index.ts'
import type { Address } from '../address.ts'
import { adviceOn } from '../advice.ts'
import { formatDate } from '../compose/date.ts'
import { quote } from '../read/report-fields.ts'
import type { Composed } from '../smime/wrap.ts'
import { composeReport, multipartReport, type ReportHeader } from './multipart-report.ts'
import { statusOf } from './status-code.ts'

/** What a failure notice is made of (protocol.md N-8). */
export interface FailureFacts {
  /** The sender of the message, who writes to himself. */
  readonly sender: Address
  /** Its own, with its angle brackets; it keeps it however often it is sent. */
  readonly messageId: string
  readonly date: Date
  /** Of the message that did not arrive. */
  readonly originalMessageId: string
  readonly sentAt: Date
  /** One at least. */
  readonly concerned: readonly Concerned[]
}

/**
 * A whole failure notice, CRLF and 7-bit (RFC 3464; N-8): who did not get a message and why, with the header fields that
 * name it; no subject, no content. The same facts give the same bytes.
 */
export function writeFailureNotice(facts: FailureFacts): Uint8Array {
  const { sender, originalMessageId, sentAt, concerned } = facts
  return multipartReport(headerOf(facts), [
    [
      'text/plain; charset=us-ascii',
      [
        `The message ${originalMessageId}`,
        `of ${formatDate(sentAt)} did not reach, as far as is known:`,
        ...concerned.flatMap(explain),
      ],
    ],
    [
      'message/delivery-status',
      [
        `Reporting-MTA: dns; ${sender.domain}`,
        `X-Original-Message-ID: ${originalMessageId}`,
        `Arrival-Date: ${formatDate(sentAt)}`,
        ...concerned.flatMap(statusFields),
      ],
    ],
    [
      'text/rfc822-headers',
      [
        `From: ${sender}`,
        `To: ${concerned.map(({ address }) => address).join(',\r\n ')}`,
        `Date: ${formatDate(sentAt)}`,
        `Message-ID: ${originalMessageId}`,
      ],
    ],
  ])
}

function headerOf({ sender, messageId, date, originalMessageId }: FailureFacts): ReportHeader {
  return {
    from: sender,
    to: sender,
    subject: 'Not delivered',
    date,
    messageId,
    originalMessageId,
    autoSubmitted: 'auto-generated',
    reportType: 'delivery-status',
  }
}

/** For people. What others said is made one printable line. */
function explain({ address, why }: Concerned): readonly string[] {
  const said = why.map(({ code, text }) => `  ${quote(text)} (${code})`)
  const todo = adviceOn(why.map(({ code }) => code)).map((advice) => `  ${advice}`)
  return ['', address, ...said, ...todo]
}

/** RFC 3464 2.3. */
function statusFields({ address, why, at }: Concerned): readonly string[] {
  const code = why[0]?.code ?? 'FAILED'
  return [
    '',
    `Final-Recipient: rfc822; ${address}`,
    'Action: failed',
    `Status: ${statusOf(code)}`,
    `Diagnostic-Code: x-direct; ${code}`,
    `Last-Attempt-Date: ${formatDate(at)}`,
  ]
}

/** The same, ready to be signed like any message. */
export function composeFailureNotice(facts: FailureFacts): Composed {
  return composeReport(headerOf(facts), writeFailureNotice(facts))
}
