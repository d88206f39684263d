import type { SMTPError } from 'nodemailer/lib/smtp-connection'
import { DirectError } from '../agent/errors.ts'
import { CONNECTION_LOST, tlsFailed } from './tls.ts'
import type { MailServer } from './types.ts'

const LONGEST_REPLY = 500

/** What a server said, fit for a log and a terminal: one line of printable ASCII, at most 500 characters. */
export function printable(text: string): string {
  return text
    .replace(/[\r\n\t ]+/g, ' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, LONGEST_REPLY)
}

/** The server's reply; where there is none, what happened to the connection. */
export function replyOf(cause: SMTPError): string {
  return printable(cause.response ?? cause.message)
}

/**
 * What a transaction that was not accepted came to. `ended`: the server may have the whole message. Then only a refusal
 * tells that it does not want it; silence, a lost connection and what is no reply leave that open.
 */
export function failedOutcome(cause: SMTPError, ended: boolean): 'temporary' | 'final' | 'unknown' {
  if (isFinal(cause)) return 'final'
  return ended && !/^[45]\d\d\b/.test(cause.response ?? '') ? 'unknown' : 'temporary'
}

/**
 * Whether a failed transaction is the server's last word on this message: 5xx to MAIL FROM, RCPT TO or DATA, or a
 * message beyond the SIZE that it announced. A lost connection never is, whatever was said last, nor what is no reply.
 */
function isFinal(cause: SMTPError): boolean {
  if (cause.code !== 'EENVELOPE' && cause.code !== 'EMESSAGE') return false
  if (cause.response === undefined) return cause.code === 'EMESSAGE'
  return /^5\d\d\b/.test(cause.response)
}

/**
 * Why a session did not come about. A server that refuses at its greeting speaks of itself, not of the message: that
 * is temporary, with 5xx too. `TLS_FAILED` is for what waiting does not mend: STARTTLS not offered, or a certificate
 * that does not do.
 */
export function openingFailure(server: MailServer, cause: SMTPError, handshaking: boolean): DirectError {
  if (isTlsRefusal(cause, handshaking)) return tlsFailed(server, replyOf(cause), cause)
  return new DirectError(
    'SMTP_UNREACHABLE',
    `no SMTP session with ${server.host}:${server.port}: ${replyOf(cause)}`,
    {
      hint: 'Look at the log of the mail server: it may hang, or be too busy; and ask again.',
      temporary: true,
      cause,
    },
  )
}

function isTlsRefusal(cause: SMTPError, handshaking: boolean): boolean {
  if (cause.command === 'STARTTLS' || cause.command === 'EHLO') return (cause.responseCode ?? 500) >= 500
  return handshaking && cause.originalCode !== undefined && !CONNECTION_LOST.has(cause.originalCode)
}
