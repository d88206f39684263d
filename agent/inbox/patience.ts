/** For one message that is looked at for the first time: a host that is alive answers within it. */
const FIRST_LOOK_MS = 5000
/** For all of one pass that turn out undetermined. */
const ALL_FIRST_LOOKS_MS = 30_000

/**
 * How long new mail is waited for in one pass. When it is used up, what is at hand must do: the others, whose CAs are
 * known here already, are not held up however many hosts hang.
 */
export class Patience {
  #left = ALL_FIRST_LOOKS_MS
  /** Until when it has been counted: what several wait for at once passes once. */
  #counted = 0

  /** Begins a look at one message. `wasInVain`: it came to nothing; true: more time might have helped. */
  look(): { readonly ms: number; readonly wasInVain: () => boolean } {
    const ms = Math.min(this.#left, FIRST_LOOK_MS)
    const begun = performance.now()
    const wasInVain = () => {
      const now = performance.now()
      this.#left = Math.max(0, this.#left - (now - Math.max(begun, this.#counted)))
      this.#counted = now
      return now - begun >= ms
    }
    return { ms, wasInVain }
  }
}
