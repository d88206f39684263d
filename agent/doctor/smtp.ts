import { DirectError } from '../errors.ts'
import type { ServerSettings, Settings } from '../settings.ts'
import { NOT_ASKED, ok, type Said } from './finding.ts'
import { mailFinding, silentFinding } from './silent.ts'
import type { Check, DoctorTools } from './tools.ts'

/** Days before the end of a server's certificate from which on it is told. */
const SOON_MS = 14 * 86_400_000

/** The relay: reached, by TLS, logged in. The servers of `tlsDomains`: TLS proved. All at once; nothing is sent. */
export async function* checkSmtp(tools: DoctorTools, signal: AbortSignal): ReturnType<Check> {
  const { smtp, tlsDomains } = tools.settings
  if (tools.offline) {
    yield NOT_ASKED
    return
  }
  const looks = [
    ...(smtp === undefined ? [] : [lookAtRelay(smtp, tools, signal)]),
    ...tlsDomains.map((partner) => lookAtPartner(partner, tools, signal)),
  ]
  for (const found of looks) yield* await found
}

async function lookAtRelay(
  smtp: ServerSettings,
  { mailServer, probeSmtp, lookup, now }: DoctorTools,
  signal: AbortSignal,
): Promise<readonly Said[]> {
  const about = `${smtp.host}:${smtp.port}`
  try {
    const { tls, loggedIn } = await probeSmtp(await mailServer(smtp), signal)
    const text = `the relay answers${tls === null ? ', without TLS as it is on this machine' : ` by ${tls.protocol}`}${loggedIn ? ', and takes the login' : ''}`
    return [ok('SMTP_ANSWERS', text, about), ...(tls === null ? [] : ending(about, tls.validTo, now()))]
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    return [await mailFinding(error, { code: 'SMTP_UNREACHABLE', about, server: smtp, lookup, signal })]
  }
}

async function lookAtPartner(
  { domain, server }: Settings['tlsDomains'][number],
  { mailServer, proveTls, lookup, now }: DoctorTools,
  signal: AbortSignal,
): Promise<readonly Said[]> {
  const proof = await proveTls(await mailServer(server), signal)
  if (proof.proved)
    return [
      ok('TLS_PROVED', `mail to ${domain} goes by ${proof.protocol}`, domain),
      ...ending(domain, proof.validTo, now()),
    ]
  if (proof.temporary && signal.aborted)
    return [await silentFinding({ code: 'SMTP_UNREACHABLE', about: domain, server, lookup, signal })]
  return [
    {
      level: proof.temporary ? 'unreachable' : 'error',
      code: proof.temporary ? 'SMTP_UNREACHABLE' : 'TLS_NOT_PROVED',
      about: domain,
      text: `mail to ${domain} does not go: ${proof.text}`,
      do: 'Ask the partner; or take the domain out of tlsDomains.',
    },
  ]
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
