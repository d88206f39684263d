import { DirectError } from '../agent/errors.ts'
import type { Lookup, MailServer } from './types.ts'

/** How an SMTP server answered. `tls` is null where there is none, as on loopback. */
export interface SmtpProbe {
  readonly tls: { readonly protocol: string; readonly validTo: Date } | null
  readonly loggedIn: boolean
}

const TIMEOUT_MS = 15_000

/**
 * Connects as a submission would, with TLS by the same rule and the same login, and sends nothing. Throws DirectError
 * `SMTP_UNREACHABLE` (temporary; of a login that cannot be answered now, too), `TLS_FAILED`, `SMTP_LOGIN`, `ABORTED`, or
 * what `lookup` and the server's `token` throw.
 */
export async function probeSmtp(
  server: MailServer,
  { lookup, signal }: { readonly lookup: Lookup; readonly signal: AbortSignal },
): Promise<SmtpProbe> {
  const { SmtpSession } = await import('./smtp-session.ts')
  const session = await SmtpSession.open(server, {
    lookup,
    requireTls: false,
    helloName: undefined,
    timeoutMs: TIMEOUT_MS,
    replyTimeoutMs: TIMEOUT_MS,
    stopMs: 0,
    signal,
  })
  try {
    if (server.user !== undefined) {
      const secret = server.token === undefined ? (server.password ?? '') : await server.token()
      const notNow = await session.login(server, server.user, secret)
      if (notNow !== null)
        throw new DirectError(
          'SMTP_UNREACHABLE',
          `${server.host}:${server.port} takes no login now: ${notNow}`,
          {
            hint: 'Ask again; look at the log of the mail server.',
            temporary: true,
          },
        )
    }
    const tls = session.tls()
    return {
      tls: tls && { protocol: tls.protocol, validTo: new Date(tls.certificate.valid_to) },
      loggedIn: server.user !== undefined,
    }
  } finally {
    await session.end()
  }
}
