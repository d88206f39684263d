import type { OpenExchange } from './schema.ts'
import { onAbort, type Tape, Turns } from './tape.ts'
import type { Seam, Seams } from './types.ts'

/** Lets everybody be asked, and writes down what they said, in the order it came. */
export class RecordingTape implements Tape {
  readonly #wall: () => Date
  readonly #turns = new Turns()
  readonly #exchanges: OpenExchange[] = []
  /** Asked, and not answered yet. */
  readonly #open = new Map<number, OpenExchange>()
  #time: Date
  #asked = 0
  #came = 0

  /** `wall`: the clock on the wall. */
  constructor(started: Date, wall: () => Date) {
    this.#wall = wall
    this.#time = started
  }

  readonly now = (): Date => this.#time

  /** Everything until now; what was not answered is there without an answer. */
  exchanges(): OpenExchange[] {
    // That the patience did not run out is no exchange.
    const unanswered = [...this.#open.values()].filter(({ seam }) => seam !== 'patience')
    return [...this.#exchanges, ...unanswered]
  }

  async ask<S extends Seam>(
    seam: S,
    question: Seams[S]['question'],
    work: () => Promise<Seams[S]['answer']>,
    signal?: AbortSignal,
  ): Promise<Seams[S]['answer']> {
    const { promise, resolve, reject } = Promise.withResolvers<Seams[S]['answer']>()
    const stop = onAbort(signal, reject)
    const number = this.#asked++
    this.#open.set(number, { seam, number, question, time: this.#time } as OpenExchange)
    work().then(
      (answer) =>
        this.#turns.add(this.#came++, () => {
          // Nobody waited for it any longer: it has had no part in what came of it.
          if (signal?.aborted) return
          this.#passTime()
          this.#open.delete(number)
          this.#exchanges.push({ seam, number, question, time: this.#time, answer } as OpenExchange)
          resolve(answer)
        }),
      reject,
    )
    return promise.finally(stop)
  }

  /** A clock that is set back meanwhile leaves the order of things as it was. */
  #passTime(): void {
    const wall = this.#wall()
    if (wall > this.#time) this.#time = wall
  }
}
