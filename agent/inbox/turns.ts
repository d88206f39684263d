/** Lets what has the same key happen one after the other, in the order in which it asked; all else side by side. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  async take<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const acted = Promise.allSettled([before]).then(act)
    this.#last.set(key, acted)
    try {
      return await acted
    } finally {
      if (this.#last.get(key) === acted) this.#last.delete(key)
    }
  }
}
