/**
 * Lets at most `most` pieces of work run at once, `each` of them for one asker. The askers that have work waiting take
 * turns, so that whoever asks for much does not shut out who asks for little, and nobody is asked in one burst.
 */
export class Turns {
  readonly #most: number
  readonly #each: number
  readonly #askers = new Map<string, { running: number; readonly waiting: (() => void)[] }>()
  /** Those that have work waiting and may begin some, in the order of their turns. */
  readonly #next = new Set<string>()
  #running = 0

  constructor(most: number, each: number) {
    this.#most = most
    this.#each = each
  }

  async run<T>(asker: string, work: () => Promise<T>): Promise<T> {
    await this.#turn(asker)
    try {
      return await work()
    } finally {
      this.#end(asker)
    }
  }

  #turn(asker: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const known = this.#askers.get(asker) ?? { running: 0, waiting: [] }
    this.#askers.set(asker, known)
    known.waiting.push(resolve)
    if (known.running < this.#each) this.#next.add(asker)
    this.#start()
    return promise
  }

  #end(asker: string): void {
    const known = this.#askers.get(asker)
    this.#running--
    if (known === undefined) return
    known.running--
    if (known.waiting.length > 0) this.#next.add(asker)
    else if (known.running === 0) this.#askers.delete(asker)
    this.#start()
  }

  #start(): void {
    for (const asker of this.#next) {
      if (this.#running >= this.#most) return
      this.#next.delete(asker)
      const known = this.#askers.get(asker)
      const begin = known?.waiting.shift()
      if (known === undefined || begin === undefined) continue
      this.#running++
      known.running++
      // To the end of the line.
      if (known.waiting.length > 0 && known.running < this.#each) this.#next.add(asker)
      begin()
    }
  }
}
