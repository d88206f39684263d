import { writeAudit } from './audit-chain.ts'
import type { Tx } from './schema.ts'

/** Acts in one transaction, when nothing is said: others wait for its end. */
const MOST = 32

/** One transaction, such as `inTurn` or `loosely` makes it. */
export type Transact = <T>(act: (tx: Tx) => Promise<T>) => Promise<T>

interface Waiting {
  act(tx: Tx): Promise<void>
  done(): void
  failed(error: unknown): void
}

/**
 * Transactions of callers who work side by side, as few as may be: while one is under way, acts gather for the next, which
 * is theirs together. Each is told when that is committed, as if it had been alone; what one throws undoes nothing of the
 * others. An act that is undone for the sake of another is done once more: it must do nothing but by its transaction.
 */
export class GatheredTurns {
  readonly #transact: Transact
  readonly #most: number
  #waiting: Waiting[] = []
  #isRunning = false

  /** `most`: acts in one transaction. */
  constructor(transact: Transact, most = MOST) {
    this.#transact = transact
    this.#most = most
  }

  take<T>(act: (tx: Tx) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    let result: { readonly value: T } | null = null
    this.#waiting.push({
      async act(tx) {
        result = { value: await act(tx) }
      },
      done: () => resolve((result as unknown as { readonly value: T }).value),
      failed: reject,
    })
    if (!this.#isRunning) void this.#run()
    return promise
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) await this.#together()
    this.#isRunning = false
  }

  async #together(): Promise<void> {
    let acts: readonly Waiting[] = []
    let isUndone = false
    try {
      await this.#transact(async (tx) => {
        // Those too who came while the transaction was waited for.
        acts = this.#waiting.splice(0, this.#most)
        try {
          for (const { act } of acts) await act(tx)
          // Before COMMIT, so that a row which cannot be written is what one of them threw.
          await writeAudit(tx)
        } catch (error) {
          isUndone = true
          throw error
        }
      })
    } catch (error) {
      if (acts.length === 0) acts = this.#waiting.splice(0)
      // Where COMMIT itself failed, it is not known whether they were done.
      if (isUndone && acts.length > 1) for (const one of acts) await this.#alone(one)
      else for (const { failed } of acts) failed(error)
      return
    }
    for (const { done } of acts) done()
  }

  async #alone({ act, done, failed }: Waiting): Promise<void> {
    await this.#transact(act).then(done, failed)
  }
}
