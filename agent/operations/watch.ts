import type { SmtpClient } from '../../mailbox/index.ts'
import { DirectError, type DirectErrorCode } from '../errors.ts'
import type { Mailbox } from '../inbox.ts'
import type { ReceiveReport } from '../receiving-types.ts'

/**
 * What becomes of what came in: a message is `delivered`, `waiting` for the EHR, `left` in its mailbox, `refused` or
 * `undetermined`; a failure notice of ours is a `notice`; any other notification goes by its kind.
 */
const RECEIVED = [
  'delivered',
  'waiting',
  'left',
  'refused',
  'undetermined',
  'processed',
  'dispatched',
  'failed',
  'unknown',
  'notice',
] as const
/** What SMTP says of a recipient. */
const HANDED_OVER = ['accepted', 'temporary', 'final', 'unknown'] as const
/** What becomes of one try to hand a message to the EHR by HTTP. */
const TOLD_EHR = ['delivered', 'rejected', 'later'] as const

const OF_STORE: ReadonlySet<string> = new Set<DirectErrorCode>([
  'STORE_FAILED',
  'STORE_DAMAGED',
  'STORE_WENT_BACK',
])
/** What the outbox failed by is tried again every few seconds. */
const LATELY_MS = 60_000

type Received = (typeof RECEIVED)[number]
type HandedOver = (typeof HANDED_OVER)[number]
type ToldEhr = (typeof TOLD_EHR)[number]

/** How a mailbox stands: when a pass over it began that came to its end, and how the last one failed. */
export interface WatchedMailbox {
  readonly name: string
  readonly pollSeconds: number
  readonly lastPass: Date | null
  /** A code, never what a server said; null: the last pass came to its end. */
  readonly failure: string | null
  /** Since it was last seen to get on: a pass came to its end, or a message to its report. */
  readonly silentMs: number
}

interface Followed extends Omit<WatchedMailbox, 'silentMs'> {
  readonly aliveAt: number
}

/** What the daemon has done since its start, in numbers: it hears of it where it is done, and keeps no names. */
export class Watch {
  readonly #now: () => Date
  readonly #elapsed: () => number
  readonly #mailboxes = new Map<string, Followed>()
  #storeFailed: { readonly code: string; readonly at: number } | null = null
  // Each starts at 0, so that the first of its kind is an increase.
  readonly #received = zeros(RECEIVED)
  readonly #handedOver = zeros(HANDED_OVER)
  readonly #toldEhr = zeros(TOLD_EHR)

  /** `elapsed`: milliseconds of a clock that nobody sets; where the other one leaps, nothing was silent for so long. */
  constructor({ now, elapsed }: { readonly now: () => Date; readonly elapsed: () => number }) {
    this.#now = now
    this.#elapsed = elapsed
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
        aliveAt: this.#elapsed(),
      })
  }

  get mailboxes(): readonly WatchedMailbox[] {
    const at = this.#elapsed()
    return [...this.#mailboxes.values()].map(({ aliveAt, ...mailbox }) => ({
      ...mailbox,
      silentMs: at - aliveAt,
    }))
  }

  /** Hears of each failure of what the daemon does. */
  failed(error: unknown): void {
    if (isOfStore(error)) this.#storeFailed = { code: error.code, at: this.#elapsed() }
  }

  /**
   * The code of what the store failed by lately, or in the last pass over a mailbox; null: it did not. A disk that is full
   * lets itself be read.
   */
  get storeFailure(): string | null {
    const ofPass = this.mailboxes.find(({ failure }) => failure !== null && OF_STORE.has(failure))
    if (ofPass !== undefined) return ofPass.failure
    if (this.#storeFailed === null) return null
    const { code, at } = this.#storeFailed
    return this.#elapsed() - at < LATELY_MS ? code : null
  }

  get received(): ReadonlyMap<Received, number> {
    return this.#received
  }

  get handedOver(): ReadonlyMap<HandedOver, number> {
    return this.#handedOver
  }

  get toldEhr(): ReadonlyMap<ToldEhr, number> {
    return this.#toldEhr
  }

  taken(outcome: ToldEhr): void {
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
    if (known) this.#mailboxes.set(name, { ...known, ...news, aliveAt: this.#elapsed() })
  }
}

function isOfStore(error: unknown): error is DirectError {
  return error instanceof DirectError && OF_STORE.has(error.code)
}

function zeros<Key extends string>(keys: readonly Key[]): Map<Key, number> {
  return new Map(keys.map((key) => [key, 0]))
}

function count<Key extends string>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function outcomeOf(report: ReceiveReport, left: 'left' | 'waiting'): Received {
  if ('notification' in report) return report.own ? 'notice' : report.notification
  if (report.verdict === 'reject') return 'refused'
  if (report.verdict === 'undetermined') return 'undetermined'
  return report.deliveredTo === null ? left : 'delivered'
}
