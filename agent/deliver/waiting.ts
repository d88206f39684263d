import type { Store, WaitingDelivery } from '../../store/index.ts'
import { DirectError, type Reason } from '../errors.ts'
import { holdUntil, whileHeld } from '../hold.ts'
import { type InboxTools, openEntry } from '../inbox.ts'
import type { Log } from '../log.ts'
import type { Judged } from '../open/verdict.ts'
import type { MailboxSettings } from '../settings.ts'
import { wholeSource } from '../stored-source.ts'
import { PATIENCE_MS } from '../trust/judge.ts'
import { outcomesOf } from './outcomes.ts'
import type { Deliverable, Settled } from './types.ts'

/** What handing over by the clock asks of its neighbours. */
export interface WaitingTools extends Pick<InboxTools, 'judgeAccepted' | 'opening'> {
  readonly store: Store
  /** By the names that the ledger knows mailboxes by. */
  readonly mailboxes: ReadonlyMap<string, MailboxSettings>
  /** Keys of the messages that this process is at: a clock that leaps ends holds, and must not hand one over twice. */
  readonly underWay: Set<string>
  readonly now: () => Date
  readonly log: Log
}

/**
 * A message that waited for the EHR, opened, and held: nobody else hands it over meanwhile. Of one about which nothing was
 * said before it is disposed of, whoever comes next is told at once.
 */
export interface HeldMessage extends AsyncDisposable {
  readonly offered: Deliverable
  /** The mailbox that it came from, as the ledger names it. */
  readonly mailbox: string
  /** How often it was tried in vain. */
  readonly attempts: number
  /** Durable when fulfilled. */
  settle(taken: Settled): Promise<void>
  /** No last word came, and it is rejected. False: another process has taken it over, and goes on. */
  giveUp(why: readonly Reason[]): Promise<boolean>
  /** It comes again, not before `ms` have passed. `failed`: this was a try in vain. */
  putOff(ms: number, failed: boolean, why: readonly Reason[]): Promise<void>
}

/** When what is not known now, or cannot be opened for a fault of the machine, is looked at again. */
const AGAIN_MS = 60_000

/**
 * Opens the next message that is due, from what is stored of it (CERT-2). One that is not to be handed over now is passed
 * by: where its trust was withdrawn, or what was stored is damaged, it is left to the pass over its mailbox. Null: none
 * is due. Throws what opening one throws; that one is put off.
 */
export async function takeWaiting(tools: WaitingTools, signal?: AbortSignal): Promise<HeldMessage | null> {
  const { store, now } = tools
  while (!signal?.aborted) {
    const waiting = await store.deliveries.claim(now(), holdUntil(now()))
    if (waiting === null) return null
    if (tools.underWay.has(waiting.key)) continue
    const held = await open(waiting, tools, signal)
    if (held !== null) return held
  }
  return null
}

/** Null: it is not to be handed over now. */
async function open(
  waiting: WaitingDelivery,
  tools: WaitingTools,
  signal: AbortSignal | undefined,
): Promise<HeldMessage | null> {
  const { store, now, underWay } = tools
  await using scope = new AsyncDisposableStack()
  let isDecided = false
  const putOff = async (retryAt: Date | null, failed: boolean, why: readonly Reason[]) => {
    isDecided = true
    await store.deliveries.putOff(waiting, { at: now(), retryAt, failed, why })
  }
  scope.defer(async () => {
    if (!isDecided) await putOff(now(), false, [])
  })
  underWay.add(waiting.key)
  scope.defer(() => {
    underWay.delete(waiting.key)
  })
  scope.use(keptHold(waiting, tools))
  const after = (ms: number) => new Date(now().getTime() + ms)
  try {
    const judged = scope.use(await openWaiting(waiting, tools, signal))
    const { trusted, verdict, why } = judged
    if (trusted === null) {
      await putOff(verdict === 'undetermined' ? after(AGAIN_MS) : null, false, why)
      return null
    }
    const kept = scope.move()
    const { deliveries, key, attempts } = waiting
    return {
      offered: { judged, message: trusted, deliveries, key },
      mailbox: waiting.entry.mailbox,
      attempts,
      settle: async (taken) => {
        await store.deliveries.settle(waiting, outcomesOf(deliveries, taken), now())
        isDecided = true
      },
      giveUp: async (why) => {
        const isGivenUp = await store.deliveries.giveUp(waiting, { at: now(), why })
        isDecided = true
        return isGivenUp
      },
      putOff: (ms, failed, why) => putOff(after(ms), failed, why),
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    }
  } catch (error) {
    const isDamaged = error instanceof DirectError && error.code === 'STORE_DAMAGED'
    const why = error instanceof DirectError ? [{ code: error.code, text: error.message }] : []
    if (!signal?.aborted) await putOff(isDamaged ? null : after(AGAIN_MS), false, why)
    if (isDamaged) return null
    throw error
  }
}

async function openWaiting(
  { entry }: WaitingDelivery,
  { store, opening, judgeAccepted, mailboxes }: WaitingTools,
  signal: AbortSignal | undefined,
): Promise<Judged> {
  if (entry.body === null) throw new TypeError('a message without a body is not due')
  const raw = await wholeSource(store, entry.body)
  const addresses = mailboxes.get(entry.mailbox)?.addresses ?? null
  const tools = { ...(await opening()), judgeAccepted }
  return openEntry(raw, entry, addresses, tools, { patienceMs: PATIENCE_MS, isLastLook: false }, signal)
}

/** The hold, renewed until it is disposed of. */
function keptHold(waiting: WaitingDelivery, tools: WaitingTools): AsyncDisposable {
  const over = Promise.withResolvers<void>()
  const renew = (until: Date) => tools.store.deliveries.hold(waiting, until)
  const messageId = waiting.entry.judgement?.messageId ?? waiting.key
  const held = whileHeld({ messageId, renew }, tools, () => over.promise)
  return {
    async [Symbol.asyncDispose]() {
      over.resolve()
      await held
    },
  }
}
