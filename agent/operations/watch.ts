import type { SmtpClient } from '../../mailbox/index.ts'
import { DirectError } from '../errors.ts'
import type { Mailbox } from '../inbox.ts'
import type { ReceiveReport } from '../receiving-types.ts'

/** How a mailbox stands: when a pass over it began that came to its end, and how the last one failed. */
export interface WatchedMailbox {
  readonly name: string
  readonly pollSeconds: number
  readonly lastPass: Date | null
  /** A code, never what a server said; null: the last pass came to its end. */
  readonly failure: string | null
  /** When it was last seen to get on: a pass came to its end, or a message to its report. */
  readonly aliveAt: Date
}

/** What the daemon has done since its start, in numbers: it hears of it where it is done, and keeps no names. */
export class Watch {
  readonly #now: () => Date
  readonly #mailboxes = new Map<string, WatchedMailbox>()
  readonly #received = new Map<string, number>()
  readonly #handedOver = new Map<string, number>()
  readonly #toldEhr = new Map<string, number>()

  constructor(now: () => Date) {
    this.#now = now
  }

  /** Passes of which nothing is known yet count from now. */
  begin(mailboxes: readonly Mailbox[]): void {
    this.#mailboxes.clear()
    for (const { name, settings } of mailboxes)
      this.#mailboxes.set(name, {
        name,
        pollSeconds: settings.pollSeconds,
        lastPass: null,
        failure: null,
        aliveAt: this.#now(),
      })
  }

  get mailboxes(): readonly WatchedMailbox[] {
    return [...this.#mailboxes.values()]
  }

  /** Messages by what became of them: `delivered`, `waiting` for the EHR, `left`, `refused`, `undetermined`, `notice` for a failure notice of ours, or the kind of a notification. */
  get received(): ReadonlyMap<string, number> {
    return this.#received
  }

  /** Recipients by what SMTP said. */
  get handedOver(): ReadonlyMap<string, number> {
    return this.#handedOver
  }

  /** Messages posted to the EHR, by what became of each try. */
  get toldEhr(): ReadonlyMap<string, number> {
    return this.#toldEhr
  }

  /** What became of one try to hand a message to the EHR by HTTP. */
  taken(outcome: 'delivered' | 'rejected' | 'later'): void {
    count(this.#toldEhr, outcome)
  }

  /** The same passes, listened to. `left`: what is said of a message that is accepted and delivered nowhere. */
  pass(
    receive: (mailbox: Mailbox) => AsyncIterable<ReceiveReport>,
    left: 'left' | 'waiting' = 'left',
  ): (mailbox: Mailbox) => AsyncIterable<ReceiveReport> {
    const watch = this
    return async function* (mailbox) {
      const begun = watch.#now()
      try {
        for await (const report of receive(mailbox)) {
          count(watch.#received, outcomeOf(report, left))
          watch.#seen(mailbox, {})
          yield report
        }
        watch.#seen(mailbox, { lastPass: begun, failure: null })
      } catch (error) {
        const known = watch.#mailboxes.get(mailbox.name)
        if (known)
          watch.#mailboxes.set(mailbox.name, {
            ...known,
            failure: error instanceof DirectError ? error.code : 'BUG',
          })
        throw error
      }
    }
  }

  /** The same client, listened to. */
  smtp(client: SmtpClient): SmtpClient {
    return {
      submit: async (server, submission, signal) => {
        const outcomes = await client.submit(server, submission, signal)
        for (const { outcome } of outcomes) count(this.#handedOver, outcome)
        return outcomes
      },
      proveTls: (server, signal) => client.proveTls(server, signal),
    }
  }

  #seen({ name }: Mailbox, news: Partial<WatchedMailbox>): void {
    const known = this.#mailboxes.get(name)
    if (known) this.#mailboxes.set(name, { ...known, ...news, aliveAt: this.#now() })
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function outcomeOf(report: ReceiveReport, left: string): string {
  if ('notification' in report) return report.own ? 'notice' : report.notification
  if (report.verdict === 'reject') return 'refused'
  if (report.verdict === 'undetermined') return 'undetermined'
  return report.deliveredTo === null ? left : 'delivered'
}
