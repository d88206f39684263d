import type { PassRecords, Store } from '../../store/index.ts'
import type { Log } from '../log.ts'
import type { Leaps } from './leaps.ts'

/** How long after its deadline nobody is called late whose answer may lie in a mailbox that could not be read. */
const GRACE_MS = 10 * 60_000
/** Recipients in one transaction. */
const AT_ONCE = 100

/** What calling recipients late asks of its neighbours. */
export interface DeadlineTools {
  readonly store: Store
  readonly passes: Passes
  readonly leaps: Leaps
  readonly limitMs: number
  readonly now: () => Date
  readonly log: Log
}

/** How far each mailbox was read: an answer that lies there must be found before its sender is called silent. */
export class Passes {
  readonly #mailboxes: number
  readonly #begun = new Map<string, Date>()
  /** Of this process, and not yet told to the others. */
  readonly #untold = new Map<string, Date>()

  constructor(mailboxes: number) {
    this.#mailboxes = mailboxes
  }

  /** A pass that began at `begun` has read the whole mailbox. */
  completed(mailbox: string, begun: Date): void {
    this.#begun.set(mailbox, begun)
    this.#untold.set(mailbox, begun)
  }

  /** Tells the others who share the store of these mailboxes, and hears how far they have read them. */
  async share(mailboxes: readonly string[], records: PassRecords): Promise<void> {
    for (const [mailbox, begun] of this.#untold) {
      await records.completed(mailbox, begun)
      if (this.#untold.get(mailbox) === begun) this.#untold.delete(mailbox)
    }
    for (const [mailbox, begun] of await records.readUntil(mailboxes))
      if (begun > (this.#begun.get(mailbox) ?? new Date(0))) this.#begun.set(mailbox, begun)
  }

  /** All mail that was there by then has been read; null: some mailbox has not been read yet. Without mailboxes: now. */
  readUntil(now: Date): Date | null {
    if (this.#mailboxes === 0) return now
    if (this.#begun.size < this.#mailboxes) return null
    return new Date(Math.min(...[...this.#begun.values()].map((begun) => begun.getTime())))
  }
}

/** Recipients whose system did not answer in time are `expired` (N-7). Returns how many. */
export async function expireLate(tools: DeadlineTools, signal?: AbortSignal): Promise<number> {
  const { store, passes, leaps, limitMs, now, log } = tools
  if (leaps.unsettled()) return 0
  let expired = 0
  while (!signal?.aborted) {
    const at = now()
    const options = { limitMs, graceMs: GRACE_MS, readUntil: passes.readUntil(at), limit: AT_ONCE }
    const some = await store.tracking.expire(at, options)
    expired += some
    if (some < AT_ONCE) break
  }
  if (expired > 0) log.warn({ expired }, 'no answer in time; direct status tells whose')
  return expired
}
