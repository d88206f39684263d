import { once } from 'node:events'
import { isIP, connect as plainly, type Socket } from 'node:net'
import { connect as securely } from 'node:tls'
import type { Webhook } from '../deliver/webhook.ts'
import type { Reason } from '../errors.ts'
import { reasonOf } from '../fetch/exchange.ts'
import { NOT_ASKED, ok, type Said } from './finding.ts'
import { checkLeft } from './left-in-folder.ts'
import type { Check, DoctorTools } from './tools.ts'
import { checkUntaken } from './untaken.ts'

/**
 * What the EHR has yet to take. Of its webhook, where there is one: its secret is had, its host reached, TLS proved; nothing
 * is posted.
 */
export async function* checkEhr(tools: DoctorTools, signal: AbortSignal): ReturnType<Check> {
  const reasons = yield* checkUntaken(tools)
  yield* checkLeft(tools)
  const { settings, deliverTo, offline, webhook } = tools
  if (settings.deliver === undefined || 'folder' in settings.deliver || deliverTo !== undefined) return
  if (offline) {
    yield NOT_ASKED
    return
  }
  // What is wrong with its secret or its CA file is thrown.
  const ehr = await webhook()
  if (ehr === null) return
  const { host } = ehr.url
  const failure = await reach(ehr, signal)
  if (failure === null) yield reached(ehr.url, reasons)
  else
    yield {
      level: failure.final ? 'error' : 'unreachable',
      code: failure.final ? 'EHR_TLS_FAILED' : 'EHR_UNREACHABLE',
      about: host,
      text: `messages cannot be posted to the EHR: ${failure.text}`,
      do: failure.final
        ? 'See which certificate it shows ("openssl s_client"), and name its CA by deliver.webhook.ca.'
        : 'See whether it runs, and deliver.webhook.url; messages wait for it until deliver.webhook.giveUpHours.',
    }
}

/** Connections are no messages: where it answered those, and did not take them, its word is told beside. */
function reached({ protocol, host }: URL, reasons: readonly Reason[]): Said {
  const text = `it takes connections${protocol === 'https:' ? ', and proves TLS' : ''}`
  const refusal = reasons.find(({ code }) => code === 'EHR_DENIED' || code === 'EHR_UNEXPECTED')
  if (refusal === undefined) return ok('EHR_REACHED', `${text}; nothing was posted`, host)
  return {
    level: 'note',
    code: 'EHR_REACHED',
    about: host,
    text: `${text}, but has not taken what waits: ${refusal.text}`,
    do: 'Reaching it is not what is amiss: see what EHR_WAITS says.',
  }
}

/** Null: it was reached. `final`: what waiting does not mend. */
async function reach(
  { url, ca, lookup }: Webhook,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly final: boolean } | null> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isTls = url.protocol === 'https:'
  const addresses = isIP(host) === 0 ? await lookup(host, signal) : [host]
  let failure = { text: `${host} has no address`, final: false }
  for (const address of addresses) {
    const to = { host: address, port: Number(url.port) || (isTls ? 443 : 80) }
    const name = isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {}
    const socket: Socket = isTls
      ? securely({ ...to, ...name, rejectUnauthorized: true, ...(ca !== undefined && { ca }) })
      : plainly(to)
    try {
      await once(socket, isTls ? 'secureConnect' : 'connect', { signal })
      return null
    } catch (error) {
      if (signal.aborted) throw error
      failure = { text: reasonOf(error, url), final: !isOfTheWay(error) }
    } finally {
      socket.destroy()
    }
  }
  return failure
}

/** The system's own codes; what TLS says of a certificate has others. */
function isOfTheWay(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^E[A-Z]+$/.test(code) && code !== 'EPROTO'
}
