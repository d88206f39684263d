import { DirectError } from '../errors.ts'
import { NOT_ASKED, ok, type Said } from './finding.ts'
import { mailFinding } from './silent.ts'
import type { Check } from './tools.ts'

/** Days before the end of a server's certificate from which on it is told. */
const SOON_MS = 14 * 86_400_000

/** The relay: reached, by TLS, logged in. The servers of `tlsDomains`: TLS proved. Nothing is sent. */
export async function* checkSmtp(
  { settings, offline, mailServer, probeSmtp, proveTls, lookup, now }: Parameters<Check>[0],
  signal: AbortSignal,
): ReturnType<Check> {
  const { smtp, tlsDomains } = settings
  if (offline) {
    yield NOT_ASKED
    return
  }
  if (smtp !== undefined) {
    const name = `${smtp.host}:${smtp.port}`
    try {
      const { tls, loggedIn } = await probeSmtp(await mailServer(smtp), signal)
      yield ok(
        'SMTP_ANSWERS',
        `the relay answers${tls === null ? ', without TLS as it is on this machine' : ` by ${tls.protocol}`}${loggedIn ? ', and takes the login' : ''}`,
        name,
      )
      if (tls !== null) yield* ending(name, tls.validTo, now())
    } catch (error) {
      if (!(error instanceof DirectError)) throw error
      yield await mailFinding(error, {
        code: 'SMTP_UNREACHABLE',
        about: name,
        server: smtp,
        lookup,
        signal,
      })
    }
  }
  for (const { domain, server } of tlsDomains) {
    const proof = await proveTls(await mailServer(server), signal)
    if (proof.proved) {
      yield ok('TLS_PROVED', `mail to ${domain} goes by ${proof.protocol}`, domain)
      yield* ending(domain, proof.validTo, now())
    } else
      yield {
        level: proof.temporary ? 'unreachable' : 'error',
        code: proof.temporary ? 'SMTP_UNREACHABLE' : 'TLS_NOT_PROVED',
        about: domain,
        text: `mail to ${domain} does not go: ${proof.text}`,
        do: 'Ask the partner; or take the domain out of tlsDomains.',
      }
  }
}

function* ending(server: string, end: Date, now: Date): Generator<Said> {
  if (end.getTime() - now.getTime() > SOON_MS) return
  yield {
    level: 'warning',
    code: 'TLS_ENDS',
    about: server,
    text: `the certificate that ${server} proves TLS with ends on ${end.toISOString().slice(0, 10)}`,
    do: 'Ask whoever runs it to renew it: after its end nothing goes there.',
  }
}
