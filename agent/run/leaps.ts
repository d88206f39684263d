/** Less is what clocks and timers are off by. */
const LEAP_MS = 60_000
/** How long nothing is called late after a leap: what answers in time has its chance to arrive. */
const SETTLING_MS = 10 * 60_000

/**
 * Tells a wall clock that leaps forward, set by hand or after a sleep, from time that really passed: nobody is late only
 * because of it (N-7). `elapsed`: milliseconds of a clock that nobody sets.
 */
export class Leaps {
  readonly #now: () => Date
  readonly #elapsed: () => number
  #last: { readonly wall: number; readonly elapsed: number }
  #settledAt = Number.NEGATIVE_INFINITY

  constructor({ now, elapsed }: { readonly now: () => Date; readonly elapsed: () => number }) {
    this.#now = now
    this.#elapsed = elapsed
    this.#last = { wall: now().getTime(), elapsed: elapsed() }
  }

  /** Looks at both clocks; true while what the wall clock says of deadlines cannot be believed. */
  unsettled(): boolean {
    const seen = { wall: this.#now().getTime(), elapsed: this.#elapsed() }
    const leap = seen.wall - this.#last.wall - (seen.elapsed - this.#last.elapsed)
    this.#last = seen
    if (leap > LEAP_MS) this.#settledAt = seen.elapsed + SETTLING_MS
    return seen.elapsed < this.#settledAt
  }
}
