import { DirectError } from '../agent/errors.ts'
import { printable } from './replies.ts'
import { CONNECTION_LOST, tlsFailed } from './tls.ts'
import type { MailServer } from './types.ts'

/** What imapflow attaches to the errors that it throws. */
export interface ImapFailure extends Error {
  readonly code?: string
  /** The tagged answer, when there was one. */
  readonly responseStatus?: 'NO' | 'BAD'
  readonly responseText?: string
  /** RFC 5530, such as UNAVAILABLE. */
  readonly serverResponseCode?: string
  readonly authenticationFailed?: boolean
  readonly tlsFailed?: boolean
  /** What the server said when it closed the connection. */
  readonly reason?: string
}

const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'CONNECT_TIMEOUT',
])

/** No TCP connection came about: another address of the server may do better. */
export function isUnreachable(failure: ImapFailure): boolean {
  return NOT_CONNECTED.has(failure.code ?? '')
}

const LOST = /^(NoConnection|EConnectionClosed|StateLogout|ClosedAfterConnect\w+|\w+_TIMEOUT|ETIMEOUT)$/

/** Node's codes for a handshake that failed and for a certificate that does not do. */
const TLS_CODE =
  /^(ERR_(TLS|SSL|OSSL)[\w/]*|EPROTO|\w*(CERT|ISSUER|VERIFY|CRL)\w*|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED)$/

/** How imapflow says that a token is of no use there. */
const NO_MECHANISM = 'Unsupported authentication mechanism'

/** What imapflow's `connect` threw: connecting, TLS and login in one. */
export function connectingFailure(server: MailServer, failure: ImapFailure): DirectError {
  // LIMIT: there are too many sessions already.
  if (isLost(failure) || isBusy(failure) || failure.serverResponseCode === 'LIMIT')
    return unreachable(server, `while connecting: ${saidBy(failure)}`, failure)
  if (failure.message === NO_MECHANISM)
    return loginRefused(server, 'it knows neither XOAUTH2 nor OAUTHBEARER')
  if (failure.authenticationFailed === true) return loginRefused(server, saidBy(failure))
  if (failure.tlsFailed === true || TLS_CODE.test(failure.code ?? ''))
    return tlsFailed(server, saidBy(failure), failure)
  return unreachable(server, saidBy(failure), failure)
}

/** What a command of an open folder threw, or what its `false` means, which may be over by the next time (`temporary`). */
export function commandFailure(
  server: MailServer,
  what: string,
  failure: ImapFailure | null,
  temporary: boolean = failure !== null && isBusy(failure),
): DirectError {
  if (failure !== null && isLost(failure)) return unreachable(server, saidBy(failure), failure)
  const why = failure === null ? 'refused' : saidBy(failure)
  return new DirectError('IMAP_REFUSED', `${server.host}:${server.port} did not ${what}: ${why}`, {
    temporary,
    hint: temporary
      ? 'It is asked again; the log of that server may say why.'
      : `May ${server.user ?? 'this user'} do that in this folder?`,
    cause: failure ?? undefined,
  })
}

/**
 * The connection was lost at a command, `what`, or is lost since; `why`, as far as it is known. UIDs are left out: the log
 * tells of an outage once, where its words stay the same.
 */
export function lostConnection(
  server: MailServer,
  what: string,
  why: string | null,
  cause: ImapFailure | null,
): DirectError {
  const step = what.replace(/ [\d,]+( .*)?$/, '')
  const known = why === null ? '' : `: ${printable(why)}`
  return unreachable(server, `the connection was lost when it was to ${step}${known}`, cause ?? undefined)
}

/** Temporary, always: the same call may succeed when the server is back. */
export function unreachable(server: MailServer, why: string, cause?: unknown): DirectError {
  return new DirectError('IMAP_UNREACHABLE', `no IMAP session with ${server.host}:${server.port}: ${why}`, {
    temporary: true,
    hint: 'Is the server running, and may this machine reach it?',
    cause,
  })
}

/** What answers OK to everything is no empty folder: mail would lie there, and nobody be told. */
export function listsNone({ host }: MailServer, path: string, exists: number): DirectError {
  return new DirectError(
    'IMAP_REFUSED',
    `${host} says that ${path} has messages (${exists}), and lists none`,
    {
      temporary: true,
      hint: 'It is asked again; look at the log of that server, and with a mail program at the folder.',
    },
  )
}

export function notHandedOver(host: string, uid: number, why: string): DirectError {
  return new DirectError('IMAP_REFUSED', `${host} did not hand over message ${uid}: ${why}`, {
    temporary: true,
    hint: 'It is left as it is and asked for again; the log of that server may say why.',
  })
}

/** The cause stays out: it may quote what was sent. */
export function loginRefused(server: MailServer, why: string): DirectError {
  const user = server.user ?? 'nobody'
  return new DirectError('IMAP_LOGIN', `${server.host}:${server.port} refuses the login of ${user}: ${why}`, {
    hint: 'Check the user of the imap url and its password, the environment variable that holds it, or the command that tells the token.',
  })
}

function isLost(failure: ImapFailure): boolean {
  const code = failure.code ?? ''
  return LOST.test(code) || CONNECTION_LOST.has(code)
}

/**
 * Codes by which a server says that it cannot just now (RFC 5530 3; THROTTLED and OVERQUOTA are Gmail's, for a user who asks
 * too much), and imapflow's for Microsoft 365, which says so in words.
 */
function isBusy({ code, serverResponseCode = '' }: ImapFailure): boolean {
  return code === 'ETHROTTLE' || BUSY.has(serverResponseCode)
}

const BUSY: ReadonlySet<string> = new Set(['UNAVAILABLE', 'INUSE', 'SERVERBUG', 'THROTTLED', 'OVERQUOTA'])

function saidBy(failure: ImapFailure): string {
  return printable(failure.responseText ?? failure.reason ?? failure.message)
}
