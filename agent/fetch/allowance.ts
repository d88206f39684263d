/** What one matter asks for, an address or a message, the cache included: certificates by the dozen share it. */
const MOST_URLS = 64

/**
 * Bounds the URLs that are asked for all certificates of one matter together: a hostile zone publishes a hundred of them,
 * each with its own. One that several of them name counts once.
 */
export class UrlAllowance {
  readonly #taken = new Set<string>()
  #closed: string | null = null

  /** From now on nothing more is asked; `why` as a clause. */
  close(why: string): void {
    this.#closed = why
  }

  /** Null: it may be asked. Else why not; `refused` is final. `key`: the URL, and what it is asked. */
  take(key: string): { readonly status: 'refused' | 'failed'; readonly why: string } | null {
    if (this.#taken.has(key)) return null
    if (this.#closed !== null) return { status: 'failed', why: this.#closed }
    if (this.#taken.size >= MOST_URLS)
      return {
        status: 'refused',
        why: `${MOST_URLS} other URLs were asked already for certificates beside it`,
      }
    this.#taken.add(key)
    return null
  }
}
