import { DirectError } from '../errors.ts'
import type { Seam, Seams } from './types.ts'

/**
 * What stands between a question's flow and everybody whom it asks. A tape that records lets `work` ask and writes down
 * what came; one that replays gives what is written, and lets nobody ask.
 */
export interface Tape {
  /** The moment of the last answer: between two answers it stands still, so that a replay can tell the same time. */
  readonly now: () => Date
  /** Rejects with DirectError ABORTED when the signal fires, and with what `work` rejects with. */
  ask<S extends Seam>(
    seam: S,
    question: Seams[S]['question'],
    work: () => Promise<Seams[S]['answer']>,
    signal?: AbortSignal,
  ): Promise<Seams[S]['answer']>
}

/**
 * Hands out answers one at a time, the next only when everything has been done that the last one set off: what happens
 * depends on their order alone, and in the same order it happens again.
 */
export class Turns {
  readonly #waiting = new Map<number, () => void>()
  #isRunning = false

  get isIdle(): boolean {
    return this.#waiting.size === 0
  }

  /** `give` is called once it is the one with the least `order` among those that wait. It must not throw. */
  add(order: number, give: () => void): void {
    this.#waiting.set(order, give)
    if (!this.#isRunning) void this.#run()
  }

  /** Nobody waits for it any more. */
  delete(order: number): void {
    this.#waiting.delete(order)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.size > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      const next = Math.min(...this.#waiting.keys())
      const give = this.#waiting.get(next)
      this.#waiting.delete(next)
      give?.()
    }
    this.#isRunning = false
  }
}

/** Calls `giveUp` when the signal fires. Throws ABORTED where it has fired. Returns what ends the listening. */
export function onAbort(signal: AbortSignal | undefined, giveUp: (why: DirectError) => void): () => void {
  const why = () =>
    new DirectError('ABORTED', 'the question was given up', { temporary: true, cause: signal?.reason })
  if (signal?.aborted) throw why()
  const listener = () => giveUp(why())
  signal?.addEventListener('abort', listener, { once: true })
  return () => signal?.removeEventListener('abort', listener)
}

/** A question in words: what a trace is searched for, and what an error names. */
export function questionText<S extends Seam>(seam: S, question: Seams[S]['question']): string {
  return `${seam} ${JSON.stringify(question, Object.keys(question).toSorted())}`
}
