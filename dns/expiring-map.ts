/** What a kept value takes, and for how long it may be used. */
interface Kept<T> {
  readonly value: T
  readonly bytes: number
  /** Milliseconds of the clock that `now` reads. */
  readonly until: number
}

export interface ExpiringMapOptions {
  /** Milliseconds of a clock that never goes back, such as `performance.now`. */
  readonly now: () => number
  readonly maxEntries: number
  /** Of all values together. */
  readonly maxBytes: number
}

/** Values that end, bounded in number and size: what was unused for longest makes room. */
export class ExpiringMap<T> {
  readonly #entries = new Map<string, Kept<T>>()
  readonly #options: ExpiringMapOptions
  #bytes = 0

  constructor(options: ExpiringMapOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  /** Null: never kept, ended, or gone to make room. `seconds`: whole ones that it may still be used. */
  get(key: string): { readonly value: T; readonly seconds: number } | null {
    const kept = this.#entries.get(key)
    if (kept === undefined) return null
    const left = kept.until - this.#options.now()
    this.#delete(key, kept)
    if (left <= 0) return null
    this.#add(key, kept)
    return { value: kept.value, seconds: Math.floor(left / 1000) }
  }

  /** Takes the place of what was kept for `key`. With no time to last, or larger than all room there is, it is not kept. */
  set(key: string, value: T, { bytes, seconds }: { readonly bytes: number; readonly seconds: number }): void {
    const { now, maxBytes, maxEntries } = this.#options
    const old = this.#entries.get(key)
    if (old !== undefined) this.#delete(key, old)
    if (!(seconds > 0) || bytes > maxBytes) return
    this.#add(key, { value, bytes, until: now() + seconds * 1000 })
    for (const [oldest, kept] of this.#entries) {
      if (this.#bytes <= maxBytes && this.#entries.size <= maxEntries) return
      this.#delete(oldest, kept)
    }
  }

  /** As the one used last. */
  #add(key: string, kept: Kept<T>): void {
    this.#entries.set(key, kept)
    this.#bytes += kept.bytes
  }

  #delete(key: string, kept: Kept<T>): void {
    this.#entries.delete(key)
    this.#bytes -= kept.bytes
  }
}
