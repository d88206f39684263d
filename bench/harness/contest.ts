import type { Rounds } from './figures.ts'

/** One of several ways to do the same work. */
export interface Contender {
  readonly name: string
  run(): Promise<unknown> | unknown
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
 * up, then the rounds. Times in milliseconds, in the order given.
 */
export async function contest(
  contenders: readonly Contender[],
  { rounds, budgetMs = Infinity, swept = false }: Turns,
): Promise<Rounds[]> {
  const all = contenders.map(({ name }) => ({ name, values: [] as number[] }))
  const begin = performance.now()
  for (let round = -1; round < rounds; round++) {
    if (round >= LEAST_ROUNDS && performance.now() - begin > budgetMs) break
    for (const [i, contender] of contenders.entries()) {
      if (swept) globalThis.gc?.()
      const start = performance.now()
      await contender.run()
      if (round >= 0) all[i]?.values.push(performance.now() - start)
    }
  }
  return all
}

/** Turns that each do `count` pieces of work, as pieces a second. */
export function asRates(all: readonly Rounds[], counts: readonly number[]): Rounds[] {
  return all.map(({ name, values }, i) => ({
    name,
    values: values.map((ms) => (1000 * (counts[i] as number)) / ms),
  }))
}
