import { setTimeout as sleep } from 'node:timers/promises'
import type { Agent, Sent, SentRecipient } from '../agent/index.ts'
import type { Session } from './session.ts'

/** What `send --wait` answers: the result of sending, and how far each delivery had come when the wait ended. */
export interface Waited extends Sent {
  readonly recipients: readonly WaitedRecipient[]
}

interface WaitedRecipient extends SentRecipient {
  readonly state: string | null
}

const PAUSE_MS = 500
const OPEN: ReadonlySet<string | null> = new Set(['queued', 'sent'])
const HANDED_OVER: ReadonlySet<string | null> = new Set(['sent', 'processed', 'dispatched'])

/** Watches the store, into which the daemon writes, until nothing is open any more or the time is over. */
export async function waitFor(agent: Agent, sent: Sent, seconds: number, session: Session): Promise<Waited> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const waited = await statesOf(agent, sent)
    const open = waited.recipients.filter(({ state }) => OPEN.has(state))
    const left = end - performance.now()
    if (open.length === 0 || session.signal.aborted) return waited
    if (left <= 0) {
      session.out.note(`still open for ${open.length} recipient(s); later: direct status '${sent.messageId}'`)
      return waited
    }
    session.out.progress(`waiting for ${open.length} receipt(s), ${Math.ceil(left / 1000)} s left …`)
    await sleep(Math.min(PAUSE_MS, left), undefined, { signal: session.signal }).catch(ignoreAbort)
  }
}

/** What was queued and has left since is `accepted`; what failed since is `refused`. */
async function statesOf(agent: Agent, sent: Sent): Promise<Waited> {
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
