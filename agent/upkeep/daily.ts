import type { Store, Upkeep } from '../../store/index.ts'
import type { Log } from '../log.ts'
import type { Settings } from '../settings.ts'
import { notIn } from './not-in.ts'

const DAY_MS = 24 * 3_600_000

export interface DailyTools {
  readonly store: () => Promise<Store>
  readonly settings: Pick<Settings, 'retention'> & {
    readonly mailboxes: readonly { readonly name: string }[]
  }
  readonly now: () => Date
  readonly log: Log
}

/** What the daemon does for the store at its start and once a day. */
export class Daily {
  readonly #tools: DailyTools
  #last = Number.NEGATIVE_INFINITY

  constructor(tools: DailyTools) {
    this.#tools = tools
  }

  /** Once it is due; to be called more often. */
  async look(signal?: AbortSignal): Promise<void> {
    const at = this.#tools.now().getTime()
    // A clock that was set back does not put it off.
    if (Math.abs(at - this.#last) < DAY_MS) return
    const { upkeep } = await this.#tools.store()
    await this.#prune(upkeep, signal)
    await this.#witness(await upkeep.auditHead())
    await this.#warnOfLeft(upkeep)
    if (!signal?.aborted) this.#last = at
  }

  async #prune(upkeep: Upkeep, signal: AbortSignal | undefined): Promise<void> {
    const { settings, now, log } = this.#tools
    const { messageDays, auditDays } = settings.retention
    if (messageDays === undefined && auditDays === undefined) return
    const clock = now()
    const at = await upkeep.believed(clock)
    const ahead = Math.floor((clock.getTime() - at.getTime()) / DAY_MS)
    if (ahead > 0)
      log.warn(
        { daysAhead: ahead },
        'the clock is far beyond what the store has seen: it is wrong, or nothing ran for long. What was kept long enough by then is removed a week at a time; check the clock',
      )
    const before = (days: number | undefined) =>
      days === undefined ? null : new Date(at.getTime() - days * DAY_MS)
    const times = { messagesBefore: before(messageDays), auditBefore: before(auditDays) }
    const { messages, mails, auditRows } = await upkeep.prune(times, clock, signal)
    if (messages + mails + auditRows > 0)
      log.info({ messages, mails, auditRows }, 'removed what was kept long enough')
  }

  /** The log is a place that whoever rewrites the database does not reach: `audit --verify --expect` asks for it. */
  async #witness({ rows, head }: { readonly rows: number; readonly head: string }): Promise<void> {
    if (rows > 0) this.#tools.log.info({ auditRows: rows, auditHead: head }, 'the audit so far')
  }

  /** Mail that was taken in, and perhaps answered, waits in the store for a mailbox that nobody passes over any more. */
  async #warnOfLeft(upkeep: Upkeep): Promise<void> {
    const { settings, log } = this.#tools
    for (const { name, unfinished } of notIn(settings.mailboxes, await upkeep.mailboxes('unfinished')))
      log.warn(
        { mailbox: name, unfinished },
        'messages of a mailbox that the configuration does not name are not finished; direct doctor tells what to do',
      )
  }
}
