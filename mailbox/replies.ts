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

/** nodemailer's codes for what happened to a connection, and not to a message. */
const BROKEN: ReadonlySet<string | undefined> = new Set(['ETIMEDOUT', 'ECONNECTION', 'ESOCKET', 'EPROTOCOL'])

/** The server's reply; where there is none, what happened to the connection, and at what. Not yet fit to be shown. */
export function saidBy({ response, message, code }: SMTPError, at: string): string {
  if (response === undefined) return BROKEN.has(code) ? `${message}, ${at}` : message
  return oddity(response) ?? response
}

/** The same, fit for a log and a terminal. */
export function replyOf(cause: SMTPError, at: string): string {
  return printable(saidBy(cause, at))
}

/**
 * What is wrong with a reply that does not have one code of three digits on all of its lines: nothing follows from it (RFC
 * 5321 4.2). Null: it is a reply.
 */
export function oddity(reply: string): string | null {
  const codes = new Set(reply.split(/\r?\n/).map((line) => /^\d{3}(?!\d)/.exec(line)?.[0]))
  if (codes.has(undefined)) return `the server answers by what is no reply of SMTP: ${reply}`
  return codes.size > 1 ? `the server contradicts itself: ${reply}` : null
}

/** As nodemailer's log: of a reply that it takes for a yes it tells nobody the words. */
export class Replies {
  #oddity: string | null = null

  debug({ tnx }: { readonly tnx?: string }, said: unknown): void {
    if (tnx === 'server') this.#oddity ??= oddity(String(said))
  }

  /** Of the first odd one since the last `forget`. */
  get oddity(): string | null {
    return this.#oddity
  }

  forget(): void {
    this.#oddity = null
  }

  // What is not here it would say by `debug`.
  trace(): void {}
  info(): void {}
  warn(): void {}
  error(): void {}
  fatal(): void {}
}

/**
 * What a transaction that was not accepted came to. `ended`: the server may have the whole message. Then only a refusal
 * tells that it does not want it; silence, a lost connection and what is no reply leave that open.
 */
export function failedOutcome(cause: SMTPError, ended: boolean): 'temporary' | 'final' | 'unknown' {
  const { response = '' } = cause
  const isRefusal = /^[45]/.test(response) && oddity(response) === null
  if (isRefusal ? isFinal(cause) : isTooLong(cause)) return 'final'
  return ended && !isRefusal ? 'unknown' : 'temporary'
}

/**
 * Whether a refused transaction is the server's last word on this message: 5xx to MAIL FROM, RCPT TO or DATA. A lost connection
 * never is, whatever was said last.
 */
function isFinal({ code, response = '' }: SMTPError): boolean {
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && isForGood(response)
}

/** 5xx that speaks of a message or a recipient. */
export function isForGood(reply: string): boolean {
  return reply.startsWith('5') && !isOfSession(reply)
}

/**
 * 530: the server wants a login, or TLS, before anything else (RFC 4954 6, RFC 3207 4); 503: it does not know any more what came
 * before (RFC 5321 4.3.2). Of a session that had all that, only a new one can be better.
 */
export function isOfSession(reply = ''): boolean {
  return /^(503|530)\b/.test(reply)
}

/** A message beyond the SIZE that the server announced is not offered to it. */
function isTooLong({ code, response }: SMTPError): boolean {
  return code === 'EMESSAGE' && response === undefined
}

/**
 * Why a session did not come about. A server that refuses at its greeting speaks of itself, not of the message: that
 * is temporary, with 5xx too. `TLS_FAILED` is for what waiting does not mend: STARTTLS not offered, or a certificate
 * that does not do.
 */
export function openingFailure(server: MailServer, cause: SMTPError, handshaking: boolean): DirectError {
  const said = replyOf(cause, 'at the greeting, EHLO or STARTTLS')
  if (isTlsRefusal(cause, handshaking)) return tlsFailed(server, said, cause)
  return new DirectError('SMTP_UNREACHABLE', `no SMTP session with ${server.host}:${server.port}: ${said}`, {
    hint: 'Look at the log of the mail server: it may hang, or be too busy; and ask again.',
    temporary: true,
    cause,
  })
}

function isTlsRefusal(cause: SMTPError, handshaking: boolean): boolean {
  if (cause.command === 'STARTTLS' || cause.command === 'EHLO') return (cause.responseCode ?? 500) >= 500
  return handshaking && cause.originalCode !== undefined && !CONNECTION_LOST.has(cause.originalCode)
}
