import { DirectError } from '../errors.ts'
import type { OpenExchange, OpenTrace } from './schema.ts'
import { onAbort, questionText, type Tape, Turns } from './tape.ts'
import type { Seam, Seams } from './types.ts'

/** Characters of a question that an error repeats: hosts and addresses in it may be anything. */
const MOST_SHOWN = 300
/** So long after the last answer nothing more comes of what is here, in milliseconds. */
const STUCK_MS = 5000

interface Written {
  readonly order: number
  readonly exchange: OpenExchange
}

/** Gives to each question what a trace holds for it, in the order in which it came then. Asks nobody. */
export class ReplayingTape implements Tape {
  readonly #turns = new Turns()
  /** By question; the same one asked again has the next. */
  readonly #written = new Map<string, Written[]>()
  /** Questions that nobody waited for in the end: whoever asks them gives them up again. */
  readonly #unanswered = new Map<(why: DirectError) => void, string>()
  #time: Date
  #lack: DirectError | null = null
  #stuck: NodeJS.Timeout | undefined

  constructor({ exchanges, clock }: OpenTrace) {
    this.#time = clock.started
    const written = exchanges.map((exchange, order) => ({ order, exchange }))
    for (const one of written.toSorted((a, b) => a.exchange.number - b.exchange.number)) {
      const key = keyOf(one.exchange)
      const same = this.#written.get(key)
      if (same) same.push(one)
      else this.#written.set(key, [one])
    }
  }

  readonly now = (): Date => this.#time

  /** What was asked for first that the trace lacks: no answer that came without it is this question's. */
  get lack(): DirectError | null {
    return this.#lack
  }

  async ask<S extends Seam>(
    seam: S,
    question: Seams[S]['question'],
    _work: unknown,
    signal?: AbortSignal,
  ): Promise<Seams[S]['answer']> {
    const { promise, resolve, reject } = Promise.withResolvers<Seams[S]['answer']>()
    const text = questionText(seam, question)
    const written = this.#written.get(text)?.shift()
    // Time that did not run out then does not run out now.
    if (written === undefined && seam === 'patience') return promise
    if (written === undefined) throw this.#lacking(text)
    const { order, exchange } = written
    const stop = onAbort(signal, (why) => {
      this.#turns.delete(order)
      reject(why)
    })
    if ('answer' in exchange) {
      this.#turns.add(order, () => {
        this.#time = exchange.time
        resolve(exchange.answer as Seams[S]['answer'])
        this.#waitOn()
      })
    } else this.#unanswered.set(reject, text)
    this.#waitOn()
    return promise.finally(() => {
      stop()
      this.#unanswered.delete(reject)
    })
  }

  close(): void {
    clearTimeout(this.#stuck)
  }

  /** A question that is given up when another one is answered is not given up where that one is not asked. */
  #waitOn(): void {
    clearTimeout(this.#stuck)
    this.#stuck = setTimeout(() => {
      if (!this.#turns.isIdle) return
      for (const [reject, text] of this.#unanswered) reject(this.#lacking(text))
    }, STUCK_MS)
  }

  #lacking(text: string): DirectError {
    const lack = new DirectError(
      'TRACE_INVALID',
      `the trace holds no answer to this question: ${text.slice(0, MOST_SHOWN)}`,
      {
        hint: 'Ask what was recorded: with the command and the addresses of the trace, and the version that recorded it.',
      },
    )
    this.#lack ??= lack
    return lack
  }
}

function keyOf<S extends Seam>({
  seam,
  question,
}: {
  readonly seam: S
  readonly question: Seams[S]['question']
}) {
  return questionText(seam, question)
}
