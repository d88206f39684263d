import { setTimeout as pause } from 'node:timers/promises'
import { ofSystem } from './errors.ts'
import type { Mailbox } from './inbox.ts'
import type { Log } from './log.ts'
import type { Unending } from './outbox.ts'
import type { ReceiveReport } from './receiving-types.ts'
import { Failures } from './run/failures.ts'
import { News } from './run/news.ts'

/** What the daemon drives. */
export interface RunTools {
  readonly mailboxes: readonly Mailbox[]
  /** One pass over one mailbox. */
  readonly receive: (mailbox: Mailbox) => AsyncIterable<ReceiveReport>
  /** Until there may be mail in it again. */
  readonly wait: (mailbox: Mailbox) => Promise<void>
  /** Hands messages that wait to the EHR, one after the other; several at once share the work. None: passes do it. */
  readonly deliver?: ((signal: AbortSignal) => Promise<void>) | null
  /** Tells the EHR what became of messages that were sent. None: it did not ask. */
  readonly tellEvents?: ((signal: AbortSignal) => Promise<void>) | null
  /** Seals the MDNs that are owed. */
  readonly seal: (signal: AbortSignal) => Promise<void>
  /** Hands what is due to SMTP, until `signal` aborts. */
  readonly handOver: (signal: AbortSignal, unending: Unending) => Promise<void>
  /** Asks again how recipients can be reached who wait for that; how many have a copy in the outbox now. */
  readonly seek: (signal: AbortSignal) => Promise<number>
  /** Calls those late whose system has not answered in time, and owes failure notices; how many, all told. */
  readonly expire: (signal: AbortSignal) => Promise<number>
  /** What is fetched ahead of need, by its name: each does what is due. */
  readonly refreshes: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>>
  readonly log: Log
  /** Hears of every failure, after the log, which is told of the same one with growing pauses. */
  readonly onFailure?: (error: unknown) => void
  /** Milliseconds of a clock that nobody sets; the machine's when it is left out. */
  readonly elapsed?: () => number
}

const OUTBOX_SECONDS = 2
const EHR_SECONDS = 2
const REFRESH_SECONDS = 300
/** Messages on their way to the EHR at once: one that takes long must not hold up all others. */
const EHR_ABREAST = 4

/**
 * Looks into every mailbox when it has news, and by its interval, drives the outbox, asks about those who wait and
 * refreshes what is kept, until `signal` aborts. One failing or hanging neighbour stops no other.
 */
export async function run(tools: RunTools, signal: AbortSignal): Promise<void> {
  const [receipts, outbox, accepted] = [new News(signal), new News(signal), new News(signal)]
  const { deliver = null, tellEvents = null } = tools
  const failures = new Failures(tools.log, tools.elapsed)
  const mailboxes = tools.mailboxes.map((mailbox) =>
    loop(
      mailbox.name,
      async () => {
        for await (const report of tools.receive(mailbox)) {
          logReport(report, tools.log, deliver === null ? undefined : 'waits for the EHR')
          // It may owe an MDN.
          receipts.tell()
          accepted.tell()
        }
      },
      () => tools.wait(mailbox),
    ),
  )
  const sealing = loop(
    'outbox',
    async () => {
      await tools.seal(signal)
      outbox.tell()
    },
    receipts.listen(OUTBOX_SECONDS),
  )
  const handingOver = loop(
    'outbox',
    () =>
      tools.handOver(signal, {
        news: () => outbox.listen(OUTBOX_SECONDS),
        onFailure: (failure) => failed(null, 'outbox', failure),
      }),
    () => rest(OUTBOX_SECONDS, signal),
  )
  const delivering = (deliver === null ? [] : Array.from({ length: EHR_ABREAST }, () => deliver)).map(
    (step) =>
      loop(
        'deliveries',
        async () => {
          await step(signal)
          // What the EHR said may owe an MDN.
          receipts.tell()
        },
        accepted.listen(EHR_SECONDS),
      ),
  )
  const telling =
    tellEvents === null
      ? []
      : [
          loop(
            'events',
            () => tellEvents(signal),
            () => rest(EHR_SECONDS, signal),
          ),
        ]
  const seeking = loop(
    'routes',
    async () => {
      if ((await tools.seek(signal)) > 0) outbox.tell()
    },
    () => rest(OUTBOX_SECONDS, signal),
  )
  const deadlines = loop(
    'deadlines',
    async () => {
      if ((await tools.expire(signal)) > 0) receipts.tell()
    },
    () => rest(OUTBOX_SECONDS, signal),
  )
  const refreshes = Object.entries(tools.refreshes).map(([name, refresh]) =>
    loop(
      name,
      () => refresh(signal),
      () => rest(REFRESH_SECONDS, signal),
    ),
  )
  await Promise.all([
    ...mailboxes,
    ...delivering,
    ...telling,
    sealing,
    handingOver,
    seeking,
    deadlines,
    ...refreshes,
  ])

  async function loop(name: string, step: () => Promise<void>, rest: () => Promise<void>): Promise<void> {
    const id = Symbol(name)
    while (!signal.aborted) {
      try {
        await step()
        failures.succeeded(id)
      } catch (error) {
        if (!signal.aborted) failed(id, name, error)
      }
      await untilNext(id, name, rest)
    }
  }

  /** What fails in waiting stops no neighbour either. */
  async function untilNext(id: symbol, name: string, wait: () => Promise<void>): Promise<void> {
    try {
      await wait()
    } catch (error) {
      if (!signal.aborted) failed(id, name, error)
      await rest(OUTBOX_SECONDS, signal)
    }
  }

  function failed(step: symbol | null, name: string, error: unknown): void {
    const told = ofSystem(error)
    failures.failed(step, name, told)
    tools.onFailure?.(told)
  }
}

/** Sleeps, or less: until `woken` aborts. */
async function rest(seconds: number, woken: AbortSignal): Promise<void> {
  await pause(seconds * 1000, undefined, { signal: woken }).catch(() => undefined)
}

/** `waits`: what is said of a message that was accepted, and is nowhere yet. */
export function logReport(report: ReceiveReport, log: Log, waits = 'left in the mailbox'): void {
  if ('notification' in report) {
    const { messageId, notification, about, own } = report
    log.info({ messageId, notification, about }, own ? 'a failure notice of ours came in' : 'notification')
  } else {
    const { messageId, verdict, code, innerSha256, deliveredTo } = report
    const facts = { messageId, verdict, code, innerSha256 }
    if (verdict === 'undetermined') log.warn(facts, `not known yet: ${report.why[0]?.text}`)
    else if (verdict === 'reject') log.info(facts, 'refused')
    else log.info(facts, deliveredTo === null ? waits : 'delivered')
  }
}
