import type { Destination } from './deliver/types.ts'
import { DirectError } from './errors.ts'
import { type InboxTools, listMailbox, type Mailbox, type Offer } from './inbox.ts'
import { describeReceived } from './open/report.ts'
import { passOver } from './pass.ts'
import type { ReceiveReport } from './receiving-types.ts'

/**
 * One pass over the mailboxes, every trusted message to `destination`. One that cannot be delivered stops no other: its
 * failure is thrown at the end, a fault of ours before one of the disk.
 */
export async function* receiveInto(
  mailboxes: readonly Mailbox[],
  destination: Destination,
  tools: InboxTools,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  const failures: unknown[] = []
  for (const mailbox of mailboxes)
    for await (const { report } of passOver(mailbox, tools, signal, (offer) =>
      hand(offer, destination, failures, signal),
    ))
      yield report
  if (failures.length > 0) throw failures.find((failure) => !(failure instanceof DirectError)) ?? failures[0]
}

/** Null: it waits, and comes again. */
async function hand(
  { settle, ...offered }: Offer,
  destination: Destination,
  failures: unknown[],
  signal: AbortSignal | undefined,
): Promise<ReceiveReport | null> {
  const taken = await destination.deliver(offered, signal).catch((failure: unknown) => {
    failures.push(failure)
    return null
  })
  if (taken === null || taken.outcome === 'later') return null
  await settle(taken)
  if (taken.outcome === 'rejected') return describeReceived(offered.judged)
  await taken.recorded?.()
  return describeReceived(offered.judged, { deliveredTo: taken.where })
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
  for (const mailbox of mailboxes)
    for await (const { report } of passOver(mailbox, { ...tools, byClock: true }, signal, leave)) yield report
}

/** What is new and not in `listed` yet, opened and judged; nothing is delivered, flagged or answered. */
export async function* listNew(
  mailboxes: readonly Mailbox[],
  tools: InboxTools,
  listed: Set<string>,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  for (const mailbox of mailboxes) yield* listMailbox(mailbox, tools, listed, signal)
}
