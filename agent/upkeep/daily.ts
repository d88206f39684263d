import type { Store } from '../../store/index.ts'
import type { Log } from '../log.ts'

const DAY_MS = 24 * 3_600_000

export interface DailyTools {
  readonly store: () => Promise<Store>
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
  async look(): Promise<void> {
    const at = this.#tools.now().getTime()
    // A clock that was set back does not put it off.
    if (Math.abs(at - this.#last) < DAY_MS) return
    const { upkeep } = await this.#tools.store()
    await this.#witness(await upkeep.auditHead())
    this.#last = at
  }

  /** The log is a place that whoever rewrites the database does not reach: `audit --verify --expect` asks for it. */
  async #witness({ rows, head }: { readonly rows: number; readonly head: string }): Promise<void> {
    if (rows > 0) this.#tools.log.info({ auditRows: rows, auditHead: head }, 'the audit so far')
  }
}
