/** Short rests that news ends, for everyone who listens; what is told while a listener is at work ends its next rest. */
export class News {
  readonly #signal: AbortSignal
  #told = 0
  #tell = Promise.withResolvers<void>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.tell(), { once: true })
  }

  tell(): void {
    this.#told++
    this.#tell.resolve()
    this.#tell = Promise.withResolvers()
  }

  /** Each call rests until there is news since the last one, at most so long. */
  listen(seconds: number): () => Promise<void> {
    let heard = this.#told
    let resting: Promise<void> | null = null
    const rest = async () => {
      if (heard === this.#told && !this.#signal.aborted) await within(seconds, this.#tell.promise)
      heard = this.#told
    }
    return () => {
      // `rest` may be over before it is assigned: it is forgotten only after that.
      resting ??= rest().finally(() => {
        resting = null
      })
      return resting
    }
  }
}

async function within(seconds: number, news: Promise<void>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, seconds * 1000)
  await Promise.race([news, over])
  clearTimeout(timer)
}
