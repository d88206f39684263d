/** What goes on until somebody stops it: it ends when the agent is disposed of, before what it uses is closed. */
export class UnderWay {
  readonly #closing = new AbortController()
  readonly #runs = new Set<Promise<void>>()

  /** Fulfilled once it ended, by either signal. */
  async run(signal: AbortSignal, go: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const run = go(AbortSignal.any([signal, this.#closing.signal]))
    this.#runs.add(run)
    try {
      await run
    } finally {
      this.#runs.delete(run)
    }
  }

  /** Whoever started it hears what it threw. */
  async end(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#runs)
  }
}
