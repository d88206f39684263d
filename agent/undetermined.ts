const FIRST_MS = 60_000
const LONGEST_MS = 15 * 60_000

/**
 * Messages whose verdict is not known yet, and when each is judged again. The pauses double up to a quarter of an hour:
 * a host that is away costs patience each time it is asked, and must not hold up the mail behind. Kept in memory: a
 * process that starts, or a person who runs `receive --once`, tries at once.
 */
export class Undetermined {
  readonly #waiting = new Map<string, { readonly pause: number; readonly again: number }>()

  has(message: string): boolean {
    return this.#waiting.has(message)
  }

  isDue(message: string, now: Date): boolean {
    const { pause, again } = this.#waiting.get(message) ?? { pause: 0, again: 0 }
    // A clock that was set back leaves nothing waiting for a time far ahead.
    return now.getTime() >= again || now.getTime() < again - pause
  }

  wait(message: string, now: Date): void {
    const earlier = this.#waiting.get(message)
    const pause = earlier ? Math.min(earlier.pause * 2, LONGEST_MS) : FIRST_MS
    this.#waiting.set(message, { pause, again: now.getTime() + pause })
  }

  forget(message: string): void {
    this.#waiting.delete(message)
  }
}
