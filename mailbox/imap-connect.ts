import { isIP } from 'node:net'
import { ImapFlow, type ImapFlowOptions } from 'imapflow'
import { aborted } from './dial.ts'
import {
  connectingFailure,
  type ImapFailure,
  isUnreachable,
  loginRefused,
  unreachable,
} from './imap-failures.ts'
import { tlsOptions, tlsRule } from './tls.ts'
import type { Lookup, MailServer } from './types.ts'

/** More than any mail, less than the memory: a server that announces a longer literal is not talked to. */
const LONGEST_LITERAL = 128 * 1024 * 1024

/**
 * A connection that is logged in, to the first of the server's addresses that takes one. Throws DirectError
 * `IMAP_UNREACHABLE` (temporary), `TLS_FAILED`, `IMAP_LOGIN`, `ABORTED`, or what `lookup` throws.
 */
export async function connect(
  server: MailServer,
  lookup: Lookup,
  { timeoutMs, commandMs }: { readonly timeoutMs: number; readonly commandMs: number },
  signal: AbortSignal | undefined,
): Promise<ImapFlow> {
  const { user, password } = server
  if (user === undefined || password === undefined || password === '') {
    throw loginRefused(server, 'a user and a password are needed')
  }
  const failures: string[] = []
  for (const address of await lookup(server.host, signal)) {
    if (signal?.aborted) throw aborted()
    const client = new ImapFlow({
      ...optionsFor(server, address, timeoutMs),
      auth: { user, pass: password },
    })
    // Whatever breaks the connection also fails the command that waits for it.
    client.on('error', () => undefined)
    const stop = () => client.close()
    signal?.addEventListener('abort', stop, { once: true })
    const timer = setTimeout(stop, commandMs)
    try {
      await client.connect()
      return client
    } catch (cause) {
      client.close()
      if (signal?.aborted) throw aborted()
      const failure = cause as ImapFailure
      if (!isUnreachable(failure)) throw connectingFailure(server, failure)
      failures.push(`${address} ${failure.code}`)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }
  throw unreachable(
    server,
    failures.length > 0 ? `cannot connect: ${failures.join(', ')}` : 'it has no address',
  )
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
    maxResponseSize: 2 * LONGEST_LITERAL,
    disableAutoIdle: true,
    // Sealed mail does not compress, and secrets and a stranger's text do not belong into one compressed stream.
    disableCompression: true,
    maxLockHoldTime: 0,
    clientInfo: { name: 'direct-agent', version: false, vendor: false, 'support-url': false },
    logger: false,
  }
}
