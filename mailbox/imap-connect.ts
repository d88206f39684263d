import { isIP } from 'node:net'
import { ImapFlow, type ImapFlowOptions } from 'imapflow'
import { DirectError } from '../agent/errors.ts'
import { tokenUnlessAborted } from './ask-token.ts'
import { aborted } from './dial.ts'
import {
  connectingFailure,
  type ImapFailure,
  isUnreachable,
  loginRefused,
  unreachable,
} from './imap-failures.ts'
import { Refusals } from './imap-refusals.ts'
import { printable } from './replies.ts'
import { tlsOptions, tlsRule } from './tls.ts'
import type { Lookup, MailServer } from './types.ts'

/** More than any mail, less than the memory: a server that announces a longer literal is not talked to. */
export const LONGEST_LITERAL = 128 * 1024 * 1024
/** A word takes hundreds of bytes once it is read: the names of half a million messages, where a server has no shorter form. */
const LONGEST_LINE = 4 * 1024 * 1024

/**
 * A connection that is logged in, to the first of the server's addresses that takes one; by XOAUTH2 or OAUTHBEARER where
 * there is a token, which is renewed once if it is refused. Throws DirectError `IMAP_UNREACHABLE` (temporary),
 * `TLS_FAILED`, `IMAP_LOGIN`, `ABORTED`, or what `lookup` and `token` throw.
 */
export async function connect(
  server: MailServer,
  lookup: Lookup,
  limits: ConnectLimits,
  signal: AbortSignal | undefined,
): Promise<Connected> {
  const { user, password = '', token } = server
  if (user === undefined || (password === '' && token === undefined))
    throw loginRefused(server, 'a user and a password or a token are needed')
  if (token === undefined) return await connectWith({ user, pass: password }, server, lookup, limits, signal)
  const accessToken = await tokenUnlessAborted(token, undefined, signal)
  try {
    return await connectWith({ user, accessToken }, server, lookup, limits, signal)
  } catch (error) {
    if (!(error instanceof DirectError && error.code === 'IMAP_LOGIN')) throw error
    // It may have ended before its time.
    const renewed = await tokenUnlessAborted(token, accessToken, signal)
    if (renewed === accessToken) throw error
    return await connectWith({ user, accessToken: renewed }, server, lookup, limits, signal)
  }
}

/** A connection that is logged in, and what its server refuses on it. */
export interface Connected {
  readonly client: ImapFlow
  readonly refusals: Refusals
}

interface ConnectLimits {
  readonly timeoutMs: number
  readonly commandMs: number
}

async function connectWith(
  auth: NonNullable<ImapFlowOptions['auth']>,
  server: MailServer,
  lookup: Lookup,
  { timeoutMs, commandMs }: ConnectLimits,
  signal: AbortSignal | undefined,
): Promise<Connected> {
  const failures: string[] = []
  for (const address of await lookup(server.host, signal)) {
    if (signal?.aborted) throw aborted()
    const refusals = new Refusals()
    const client = new ImapFlow({ ...optionsFor(server, address, timeoutMs), auth, logger: refusals })
    // Whatever breaks the connection also fails the command that waits for it.
    client.on('error', () => undefined)
    closeAfterBye(client)
    const stop = () => client.close()
    signal?.addEventListener('abort', stop, { once: true })
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      stop()
    }, commandMs)
    // imapflow logs what it stumbles over, and hears nothing more of the server.
    const look = setInterval(() => refusals.unread && stop(), LOOK_MS)
    try {
      await client.connect()
      if (refusals.unread) throw refusals.unread
      return { client, refusals }
    } catch (cause) {
      client.close()
      if (signal?.aborted) throw aborted()
      if (isLate) throw unreachable(server, `while connecting: no end within ${commandMs / 1000} s`, cause)
      const failure = cause as ImapFailure
      // It ended the session; what became of the login then says nothing of the password.
      if (client.byeReason !== undefined && failure.responseStatus === undefined)
        throw unreachable(server, `while connecting: it said ${printable(client.byeReason)}`, cause)
      if (refusals.unread)
        throw unreachable(
          server,
          'while connecting: its answer to NAMESPACE or the like makes no sense',
          cause,
        )
      if (!isUnreachable(failure)) throw connectingFailure(server, failure)
      failures.push(`${address} ${failure.code}`)
    } finally {
      clearTimeout(timer)
      clearInterval(look)
      signal?.removeEventListener('abort', stop)
    }
  }
  throw unreachable(
    server,
    failures.length > 0 ? `cannot connect: ${failures.join(', ')}` : 'it has no address',
  )
}

/** How often is looked what nobody tells of. */
const LOOK_MS = 250

/** After BYE a server answers nothing more (RFC 3501 7.1.5). Some never close the connection, and would be waited for. */
function closeAfterBye(client: ImapFlow): void {
  const timer = setInterval(() => {
    if (client.byeReason !== undefined) client.close()
  }, LOOK_MS).unref()
  client.once('close', () => clearInterval(timer))
}

function optionsFor(server: MailServer, address: string, timeoutMs: number): ImapFlowOptions {
  const rule = tlsRule(server, address, false)
  return {
    host: address,
    port: server.port,
    // The name that the certificate must be for; an address in its place is compared as an address.
    ...(isIP(server.host) === 0 ? { servername: server.host } : {}),
    secure: rule.start === 'implicit',
    ...(rule.start === 'starttls' ? { doSTARTTLS: true } : {}),
    tls: tlsOptions(server, rule),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    maxLiteralSize: LONGEST_LITERAL,
    maxLineLength: LONGEST_LINE,
    maxResponseSize: LONGEST_LITERAL + LONGEST_LINE,
    disableAutoIdle: true,
    // Sealed mail does not compress, and secrets and a stranger's text do not belong into one compressed stream.
    disableCompression: true,
    maxLockHoldTime: 0,
    clientInfo: { name: 'direct-agent', version: false, vendor: false, 'support-url': false },
  }
}
