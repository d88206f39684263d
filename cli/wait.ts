import { setTimeout as sleep } from 'node:timers/promises'
import type { Agent, Sent, SentRecipient } from '../agent/index.ts'
import type { Output } from './output.ts'

/** What `send --wait` answers: the result of sending, and how far each delivery had come when the wait ended. */
export interface Waited extends Sent {
  readonly recipients: readonly WaitedRecipient[]
}

interface WaitedRecipient extends SentRecipient {
  readonly state: string | null
}

const PAUSE_MS = 500
const HANDED_OVER: ReadonlySet<string | null> = new Set(['sent', 'processed', 'dispatched'])

/** What waiting asks of its surroundings. */
interface Waiting {
  readonly seconds: number
  /** That `dispatched` was asked for: `processed` is not the end then. */
  readonly finalDelivery: boolean
  readonly signal: AbortSignal
  readonly out: Pick<Output, 'note' | 'progress'>
}

/** Watches the store, into which the daemon writes, until nothing is open any more or the time is over. */
export async function waitFor(
  agent: Pick<Agent, 'status'>,
  sent: Sent,
  { seconds, finalDelivery, signal, out }: Waiting,
): Promise<Waited> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const waited = await statesOf(agent, sent)
    const open = waited.recipients.filter((one) => isOpen(one, finalDelivery))
    const left = end - performance.now()
    if (open.length === 0 || signal.aborted) return waited
    if (left <= 0) {
      out.note(`still open for ${open.length} recipient(s); later: direct status '${sent.messageId}'`)
      return waited
    }
    out.progress(`waiting for ${open.length} receipt(s), ${Math.ceil(left / 1000)} s left …`)
    await sleep(Math.min(PAUSE_MS, left), undefined, { signal }).catch(ignoreAbort)
  }
}

/** Whether anything may still come. On the route `tls` no receipt does: what was handed over is at its end (NOTE). */
function isOpen({ route, state }: WaitedRecipient, finalDelivery: boolean): boolean {
  if (state === 'queued') return true
  if (route !== 'direct') return false
  return state === 'sent' || (finalDelivery && state === 'processed')
}

/** What was queued and has left since is `accepted`; what failed since is `refused`. */
async function statesOf(agent: Pick<Agent, 'status'>, sent: Sent): Promise<Waited> {
  const [message] = await agent.status(sent.messageId)
  const deliveries = new Map(message?.recipients.map((each) => [each.address.toLowerCase(), each]))
  const recipients = sent.recipients.map((recipient) => {
    const delivery = deliveries.get(recipient.address.toLowerCase())
    if (delivery === undefined) return { ...recipient, state: null }
    // The route of one who waited is known later.
    const { route, state, why } = delivery
    if (state === 'failed' || state === 'expired')
      return { ...recipient, route, result: 'refused' as const, why, state }
    if (recipient.result !== 'queued') return { ...recipient, state }
    const result = HANDED_OVER.has(state) ? ('accepted' as const) : recipient.result
    return { ...recipient, route, result, why, state }
  })
  return { ...sent, recipients }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error
}
