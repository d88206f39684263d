import { DirectError } from '../errors.ts'
import type { Log } from '../log.ts'

const MINUTE_MS = 60_000
/** Between two lines about one failure at least; the last one repeats. */
const PAUSES_MS = [1, 5, 15, 60].map((minutes) => minutes * MINUTE_MS)
/**
 * What was over and did not fail for so long is another failure when it comes again. What nobody will say is over is over
 * then;
 */
const CALM_MS = 10 * MINUTE_MS
/** and of what somebody might yet say so, nothing more is known. */
const LONG_AGO_MS = 24 * 60 * MINUTE_MS

/** What is told of a failure. */
export interface Failing {
  /** The same for the same failure. */
  readonly key: string
  /** The same for one that differs in numbers and ids alone; left out: such a one is another. */
  readonly words?: string
  readonly text: string
  readonly facts: object
  /** Further facts of the first line. */
  readonly once: object
  /** That a bug does not show again says nothing. */
  readonly isBug: boolean
}

interface Known {
  /** As it failed last. */
  failing: Failing
  /** Lines about it so far, and when the last one was. */
  lines: number
  toldAt: number
  failedAt: number
  /** Since the last line. */
  untold: number
  /** Since it was last over. */
  times: number
  /** What failed by it since it was last over, and will say when it succeeds. */
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

  /**
   * `step`: what failed, and what will succeed once that is over; null: one of many, each of which succeeds for itself alone.
   * `loop`: its name in the log.
   */
  failed(step: symbol | null, loop: string, error: unknown): void {
    this.fails(step, failingBy(loop, error))
  }

  /** The same of what is described already. */
  fails(step: symbol | null, failing: Failing): void {
    this.#forgetCalm()
    const at = this.#elapsed()
    const { key, words, text, facts } = failing
    const known = this.#known.get(key) ?? this.#inWords(words)
    if (known === undefined) {
      const times = { lines: 1, toldAt: at, failedAt: at, untold: 0, times: 1, isTold: true }
      this.#known.set(key, { failing, steps: new Set(step && [step]), ...times })
      logFirst(failing, this.#log)
      return
    }
    if (step !== null) known.steps.add(step)
    known.failing = failing
    known.failedAt = at
    known.untold += 1
    known.times += 1
    const pause = PAUSES_MS[Math.min(known.lines, PAUSES_MS.length) - 1] as number
    if (at - known.toldAt < pause) return
    const times = known.untold
    this.#log[levelOf(failing)](
      { ...facts, times },
      `${times === 1 ? 'again' : `${times} times more`}: ${text}`,
    )
    known.lines += 1
    known.toldAt = at
    known.untold = 0
    known.isTold = true
  }

  /** What it failed by is over. */
  succeeded(step: symbol): void {
    for (const known of this.#known.values()) {
      if (!known.steps.has(step)) continue
      this.#tellOver(known)
      known.steps.clear()
      known.times = 0
      known.isTold = false
    }
    this.#forgetCalm()
  }

  #inWords(words: string | undefined): Known | undefined {
    if (words === undefined) return undefined
    return [...this.#known.values()].find(({ failing }) => failing.words === words)
  }

  #forgetCalm(): void {
    const at = this.#elapsed()
    for (const [key, known] of this.#known) {
      const isAnybodys = known.steps.size === 0
      if (at - known.failedAt < (isAnybodys ? CALM_MS : LONG_AGO_MS)) continue
      if (isAnybodys) this.#tellOver(known)
      this.#known.delete(key)
    }
  }

  #tellOver({ failing: { text, facts, isBug }, times, isTold }: Known): void {
    if (isTold && !isBug) this.#log.info({ ...facts, times }, `over: ${text}`)
  }
}

/** Ids and codes alone: what an unexpected error says could quote a message. */
export function logFailure(loop: string, error: unknown, log: Log): void {
  logFirst(failingBy(loop, error), log)
}

function logFirst(failing: Failing, log: Log): void {
  const { text, facts, once } = failing
  log[levelOf(failing)]({ ...facts, ...once }, text)
}

function levelOf({ isBug }: Failing): 'error' | 'warn' {
  return isBug ? 'error' : 'warn'
}

function failingBy(loop: string, error: unknown): Failing {
  if (error instanceof DirectError) {
    const { code, message: text, hint } = error
    const words = `${code} ${loop} ${withoutNumbers(text)}`
    return { key: `${code} ${text}`, words, text, facts: { loop, code }, once: { hint }, isBug: false }
  }
  const { name: kind } = error as Error
  const frames = framesOf(error)
  return {
    key: [kind, ...frames].join('\n'),
    text: 'a bug in direct-agent; the next pass tries again',
    facts: { loop, kind },
    once: { frames },
    isBug: true,
  }
}

/** The host of a URL, or `host:port`. */
const SERVER = /^(?:\w+:\/\/[^/?\s]+|(?:[\w-]+(?:\.[\w-]+)+|localhost|\[[\da-f:.]+\]):\d{1,5}(?!\d))/i

/**
 * Servers put the time, the number of the session, or our own changing port into their answers. The first to be named is the
 * server itself, which is no such number.
 */
function withoutNumbers(text: string): string {
  let isNamed = false
  return text.replace(/\S*\d\S*/g, (word) => {
    const server = isNamed ? undefined : SERVER.exec(word)?.[0]
    isNamed ||= server !== undefined
    return server ?? '#'
  })
}

function framesOf(error: unknown): readonly string[] {
  const { stack } = error as Error
  return (stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
}
