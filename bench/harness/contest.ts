import type { Rounds } from './figures.ts'

/** One of several ways to do the same work. */
export interface Contender {
  readonly name: string
  /** What has to be there before each turn; it is not timed. */
  prepare?(): Promise<unknown>
  run(): Promise<unknown> | unknown
  /** Waits for what `run` has set going elsewhere. It is timed apart, from the turn's start. */
  arrive?(): Promise<unknown>
  /** What is to be gone after each turn; nor is that timed. */
  finish?(): Promise<unknown>
}

/** Milliseconds of each turn: on the clock, and on processors in this process. */
export interface Timed extends Rounds {
  readonly cpu: readonly number[]
  /** Milliseconds until all has arrived, where that is waited for. */
  readonly arrived: readonly number[]
}

export interface Turns {
  /** How often each is measured, if time allows. */
  readonly rounds: number
  /** After this, no further round begins; three there are in any case. */
  readonly budgetMs?: number
  /** Whether each begins with a heap that has been swept, and does not pay for what the one before left. Needs --expose-gc. */
  readonly swept?: boolean
}

const LEAST_ROUNDS = 3

/**
 * Lets the contenders take turns, so that whatever else the machine does meets all of them alike. One turn each to warm
 * up, then the rounds. Times come in the order given.
 */
export async function contest(
  contenders: readonly Contender[],
  { rounds, budgetMs = Infinity, swept = false }: Turns,
): Promise<Timed[]> {
  const all = contenders.map(({ name }) => ({
    name,
    values: [] as number[],
    cpu: [] as number[],
    arrived: [] as number[],
  }))
  const begin = performance.now()
  for (let round = -1; round < rounds; round++) {
    if (round >= LEAST_ROUNDS && performance.now() - begin > budgetMs) break
    for (const [i, contender] of contenders.entries()) {
      await contender.prepare?.()
      if (swept) globalThis.gc?.()
      const [start, cpuBefore] = [performance.now(), process.cpuUsage()]
      await contender.run()
      const [ms, { user, system }] = [performance.now() - start, process.cpuUsage(cpuBefore)]
      await contender.arrive?.()
      const arrived = performance.now() - start
      await contender.finish?.()
      if (round < 0) continue
      all[i]?.values.push(ms)
      all[i]?.cpu.push((user + system) / 1000)
      all[i]?.arrived.push(arrived)
    }
  }
  return all
}

/** The same turns, by the time until all has arrived. */
export function arrivals(all: readonly Timed[]): Rounds[] {
  return all.map(({ name, arrived }) => ({ name, values: arrived }))
}

/** Turns that each do `count` pieces of work, as pieces a second. */
export function asRates(all: readonly Rounds[], counts: readonly number[]): Rounds[] {
  return all.map(({ name, values }, i) => ({
    name,
    values: values.map((ms) => (1000 * (counts[i] as number)) / ms),
  }))
}
