import { DirectError } from '../errors.ts'
import type { Log } from '../log.ts'

const MINUTE_MS = 60_000
/** Between two lines about one failure at least; the last one repeats. */
const PAUSES_MS = [1, 5, 15, 60].map((minutes) => minutes * MINUTE_MS)
/** What was over and did not fail for so long is another failure when it comes again; */
const CALM_MS = 10 * MINUTE_MS
/** and so is what nobody said was over. */
const LONG_AGO_MS = 24 * 60 * MINUTE_MS

interface Known {
  readonly text: string
  readonly facts: object
  /** That a bug does not show again says nothing. */
  readonly isBug: boolean
  /** Lines about it so far, and when the last one was. */
  lines: number
  toldAt: number
  failedAt: number
  /** Since the last line. */
  untold: number
  /** Since it was last over. */
  times: number
  /** Where it failed since it was last over. */
  readonly steps: Set<symbol>
  /** That it failed, since it was last over. */
  isTold: boolean
}

/**
 * Tells the log of what fails again and again: the first time at once, then with growing pauses and how often it was, and
 * once it is over. What fails alike in several places, as all do whose database is away, is told once.
 */
export class Failures {
  readonly #log: Log
  readonly #elapsed: () => number
  readonly #known = new Map<string, Known>()

  /** `elapsed`: milliseconds of a clock that nobody sets. */
  constructor(log: Log, elapsed: () => number = () => performance.now()) {
    this.#log = log
    this.#elapsed = elapsed
  }

  /** `step`: what failed, and what will succeed once that is over; `loop`: its name in the log. */
  failed(step: symbol, loop: string, error: unknown): void {
    const at = this.#elapsed()
    this.#forgetCalm(at)
    const { key, text, facts } = told(loop, error)
    const known = this.#known.get(key)
    if (known === undefined) {
      const isBug = !(error instanceof DirectError)
      const times = { lines: 1, toldAt: at, failedAt: at, untold: 0, times: 1, isTold: true }
      this.#known.set(key, { text, facts, isBug, steps: new Set([step]), ...times })
      logFailure(loop, error, this.#log)
      return
    }
    known.steps.add(step)
    known.failedAt = at
    known.untold += 1
    known.times += 1
    const pause = PAUSES_MS[Math.min(known.lines, PAUSES_MS.length) - 1] as number
    if (at - known.toldAt < pause) return
    const times = known.untold
    const level = known.isBug ? 'error' : 'warn'
    this.#log[level]({ ...facts, times }, `${times === 1 ? 'again' : `${times} times more`}: ${text}`)
    known.lines += 1
    known.toldAt = at
    known.untold = 0
    known.isTold = true
  }

  /** What it failed by is over. */
  succeeded(step: symbol): void {
    for (const known of this.#known.values()) {
      if (!known.steps.has(step)) continue
      const { text, facts, times, isTold, isBug } = known
      if (isTold && !isBug) this.#log.info({ ...facts, times }, `over: ${text}`)
      known.steps.clear()
      known.times = 0
      known.isTold = false
    }
  }

  #forgetCalm(at: number): void {
    for (const [key, { steps, failedAt }] of this.#known)
      if (at - failedAt >= (steps.size === 0 ? CALM_MS : LONG_AGO_MS)) this.#known.delete(key)
  }
}

/** Ids and codes alone: what an unexpected error says could quote a message. */
export function logFailure(loop: string, error: unknown, log: Log): void {
  const { text, facts } = told(loop, error)
  if (error instanceof DirectError) log.warn({ ...facts, hint: error.hint }, text)
  else log.error({ ...facts, frames: framesOf(error) }, text)
}

function told(
  loop: string,
  error: unknown,
): { readonly key: string; readonly text: string; readonly facts: object } {
  if (error instanceof DirectError) {
    const { code, message: text } = error
    return { key: `${code} ${text}`, text, facts: { loop, code } }
  }
  const { name: kind } = error as Error
  const key = [kind, ...framesOf(error)].join('\n')
  return { key, text: 'a bug in direct-agent; the next pass tries again', facts: { loop, kind } }
}

function framesOf(error: unknown): readonly string[] {
  const { stack } = error as Error
  return (stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
}
