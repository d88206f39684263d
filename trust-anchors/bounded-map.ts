/** A map that forgets what was unused for longest when the sizes of all values together pass `most`. */
export class BoundedMap<T> {
  readonly #values = new Map<string, T>()
  readonly #most: number
  readonly #sizeOf: (value: T) => number
  #total = 0

  constructor(most: number, sizeOf: (value: T) => number) {
    this.#most = most
    this.#sizeOf = sizeOf
  }

  get(key: string): T | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  set(key: string, value: T): void {
    this.delete(key)
    this.#values.set(key, value)
    this.#total += this.#sizeOf(value)
    for (const oldest of this.#values.keys()) {
      if (this.#total <= this.#most) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const value = this.#values.get(key)
    if (value === undefined) return
    this.#values.delete(key)
    this.#total -= this.#sizeOf(value)
  }
}
