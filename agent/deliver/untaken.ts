import type { Log } from '../log.ts'
import { Failures } from '../run/failures.ts'

/** Why the EHR did not take something. */
export interface Cause {
  readonly code?: string
  readonly text: string
}

/** Whoever was not tried for so long here was taken by another process, or is gone: no pause between two tries is as long. */
const LONG_AGO_MS = 24 * 60 * 60_000

interface Waiting {
  readonly step: symbol
  readonly triedAt: number
}

/**
 * Tells the log of what the EHR does not take, once for each cause and with how many wait: a thousand that wait for one EHR
 * are one thing to mend. What is true of a single one is in the store.
 */
export class Untaken {
  readonly #loop: string
  readonly #hint: string
  readonly #failures: Failures
  readonly #elapsed: () => number
  /** Whoever was tried last stands last. */
  readonly #waiting = new Map<string, Waiting>()

  /** `elapsed`: milliseconds of a clock that nobody sets. */
  constructor(
    what: { readonly loop: string; readonly hint: string },
    log: Log,
    elapsed: () => number = () => performance.now(),
  ) {
    this.#elapsed = elapsed
    this.#loop = what.loop
    this.#hint = what.hint
    this.#failures = new Failures(log, elapsed)
  }

  notTaken(key: string, { code, text }: Cause): void {
    const triedAt = this.#elapsed()
    const { step } = this.#waiting.get(key) ?? { step: Symbol(key) }
    this.#waiting.delete(key)
    this.#waiting.set(key, { step, triedAt })
    for (const [old, waiting] of this.#waiting) {
      if (triedAt - waiting.triedAt < LONG_AGO_MS) break
      this.#waiting.delete(old)
    }
    this.#failures.fails(step, {
      key: `${code} ${text}`,
      text: `not taken by the EHR: ${text}`,
      facts: { loop: this.#loop, ...(code !== undefined && { code }), waiting: this.#waiting.size },
      once: { hint: this.#hint },
      isBug: false,
    })
  }

  /** What kept this one back is over. */
  taken(key: string): void {
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    if (waiting !== undefined) this.#failures.succeeded(waiting.step)
  }

  /** Nobody waits for it any more; that says nothing of the others. */
  givenUp(key: string): void {
    this.#waiting.delete(key)
  }
}
