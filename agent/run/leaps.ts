import type { Log } from '../log.ts'

/** Less is what clocks and timers are off by. */
const LEAP_MS = 60_000
/** How long nothing is called late after a leap: what answers in time has its chance to arrive. */
const SETTLING_MS = 10 * 60_000

interface LeapTools {
  readonly now: () => Date
  readonly elapsed: () => number
  /** Hears of each leap. */
  readonly log: Log
}

/**
 * Tells a wall clock that leaps forward, set by hand or after a sleep, from time that really passed: nobody is late only
 * because of it (N-7). `elapsed`: milliseconds of a clock that nobody sets.
 */
export class Leaps {
  readonly #now: () => Date
  readonly #elapsed: () => number
  readonly #log: Log
  #last: { readonly wall: number; readonly elapsed: number }
  #settledAt = Number.NEGATIVE_INFINITY

  constructor({ now, elapsed, log }: LeapTools) {
    this.#now = now
    this.#elapsed = elapsed
    this.#log = log
    this.#last = { wall: now().getTime(), elapsed: elapsed() }
  }

  /** Looks at both clocks; true while what the wall clock says of deadlines cannot be believed. */
  unsettled(): boolean {
    const seen = { wall: this.#now().getTime(), elapsed: this.#elapsed() }
    const leap = seen.wall - this.#last.wall - (seen.elapsed - this.#last.elapsed)
    this.#last = seen
    if (leap > LEAP_MS) this.#settledAt = seen.elapsed + SETTLING_MS
    if (Math.abs(leap) > LEAP_MS) this.#tell(leap)
    return seen.elapsed < this.#settledAt
  }

  #tell(leap: number): void {
    const seconds = Math.round(leap / 1000)
    this.#log.warn(
      { seconds },
      leap > 0
        ? `the clock leapt forward by ${seconds} seconds, or this machine slept: nobody is called late for ${SETTLING_MS / 60_000} minutes`
        : `the clock was set back by ${-seconds} seconds`,
    )
  }
}
