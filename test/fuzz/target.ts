import type { Random } from './mutate.ts'

/** What an input came to. */
export interface Outcome {
  /** For counting. */
  readonly kind: string
  /** Bytes and characters that were handed out for it. */
  readonly size: number
}

/** Something that takes input from strangers. */
export interface Target {
  readonly name: string
  /** Whole inputs, from which broken ones are made. */
  readonly seeds: readonly Buffer[]
  /** Seeds that take long, of which few are broken. */
  readonly heavy: readonly Buffer[]
  /** The most that one input may be answered with. */
  readonly maxSize: number
  /** One with a few things wrong. */
  readonly mutate: (input: Buffer, random: Random, others: readonly Buffer[]) => Buffer
  /** Puts right, in an input of its own, what would end its reading before it has begun. */
  readonly mend: (input: Buffer) => Buffer
  /** Throws for what must not be. */
  readonly take: (input: Buffer) => Outcome | Promise<Outcome>
}
