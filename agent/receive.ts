import type { Destination } from './deliver/types.ts'
import { DirectError, type Reason } from './errors.ts'
import { passOver } from './inbox/pass.ts'
import { type InboxTools, listMailbox, type Mailbox, type Offer } from './inbox.ts'
import { describeReceived } from './open/report.ts'
import type { ReceiveReport } from './receiving-types.ts'

/**
 * One pass over the mailboxes, every trusted message to `destination`. A message that cannot be delivered stops no other, and a
 * mailbox that cannot be read stops no other: the failure is thrown at the end, a fault of ours before one of the disk.
 */
export async function* receiveInto(
  mailboxes: readonly Mailbox[],
  destination: Destination,
  tools: InboxTools,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  const failures: unknown[] = []
  const over = (mailbox: Mailbox) => {
    const later = ({ deliveries }: Offer, why: readonly Reason[]) => putOff(deliveries, why, mailbox, tools)
    const take = (offer: Offer) => hand(offer, { destination, failures, later, signal })
    return passOver(mailbox, tools, take, signal)
  }
  yield* eachOf(mailboxes, over, failures, signal)
  // An operator has to hear of it before a message comes.
  if (failures.length === 0) await destination.check?.()
  if (failures.length > 0) throw failures.find((failure) => !(failure instanceof DirectError)) ?? failures[0]
}

/** Whether others can still be read and answered: not where the store failed, where it is a bug, or when it is over. */
export function isOfOneMailbox(error: unknown, signal: AbortSignal | undefined): error is DirectError {
  return error instanceof DirectError && error.code !== 'STORE_FAILED' && !signal?.aborted
}

/** One mailbox after the other; why one could not be read is added to `failures`. */
async function* eachOf(
  mailboxes: readonly Mailbox[],
  over: (mailbox: Mailbox) => AsyncGenerator<ReceiveReport>,
  failures: unknown[],
  signal: AbortSignal | undefined,
): AsyncGenerator<ReceiveReport> {
  for (const mailbox of mailboxes) {
    try {
      yield* over(mailbox)
    } catch (error) {
      if (!isOfOneMailbox(error, signal)) throw error
      failures.push(error)
    }
  }
}

/** How the messages of one mailbox are handed over. */
interface Handing {
  readonly destination: Destination
  /** Told when all mailboxes were passed over. */
  readonly failures: unknown[]
  readonly later: (offer: Offer, why: readonly Reason[]) => Promise<void>
  readonly signal: AbortSignal | undefined
}

/** Null: it waits, and comes again. */
async function hand(
  offer: Offer,
  { destination, failures, later, signal }: Handing,
): Promise<ReceiveReport | null> {
  const { settle, ...offered } = offer
  const taken = await destination.deliver(offered, signal).catch(async (failure: unknown) => {
    failures.push(failure)
    // What a bug says could quote the message.
    if (!signal?.aborted && failure instanceof DirectError)
      await later(offer, [{ code: failure.code, text: failure.message }]).catch((error) => {
        // A full disk takes neither, and what is wrong is told all the same.
        if (!(error instanceof DirectError)) throw error
      })
    return null
  })
  if (taken === null) return null
  if (taken.outcome === 'later') {
    await later(offer, taken.why)
    return null
  }
  await settle(taken)
  if (taken.outcome === 'rejected') return describeReceived(offered.judged)
  await taken.recorded?.()
  return describeReceived(offered.judged, { deliveredTo: taken.where })
}

/** For whoever asks why it waits. */
async function putOff(
  deliveries: Offer['deliveries'],
  why: readonly Reason[],
  { settings }: Mailbox,
  { store, now }: InboxTools,
): Promise<void> {
  const at = now()
  const next = new Date(at.getTime() + settings.pollSeconds * 1000)
  await store.deliveries.notTaken(deliveries, { at, next, why })
}

/** One pass over the mailboxes, every trusted message to wait for whoever hands it over by the clock (deliver.ts). */
export async function* receiveToWait(
  mailboxes: readonly Mailbox[],
  tools: InboxTools,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  const { store, now } = tools
  const leave = async ({ judged, deliveries }: Offer) => {
    // What was left to the pass, and is trusted after all, is due again.
    const untimed = deliveries.filter(({ isTimed }) => !isTimed)
    if (untimed.length > 0) await store.deliveries.schedule(untimed, now())
    return describeReceived(judged)
  }
  for (const mailbox of mailboxes) yield* passOver(mailbox, { ...tools, byClock: true }, leave, signal)
}

/** What is new and not in `listed` yet, opened and judged; nothing is delivered, flagged or answered. */
export async function* listNew(
  mailboxes: readonly Mailbox[],
  tools: InboxTools,
  listed: Set<string>,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  const failures: unknown[] = []
  yield* eachOf(mailboxes, (mailbox) => listMailbox(mailbox, tools, listed, signal), failures, signal)
  if (failures.length > 0) throw failures[0]
}
