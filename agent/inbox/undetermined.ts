import type { InboxEntry } from '../../store/index.ts'

const FIRST_MS = 60_000
const LONGEST_MS = 15 * 60_000

/**
 * Messages whose verdict is not known yet, and when each is judged again. The pauses double up to a quarter of an hour:
 * a host that is away costs patience each time it is asked, and must not hold up the mail behind. Kept in memory: a
 * process that starts, or a person who runs `receive --once`, tries at once.
 */
export class Undetermined {
  readonly #waiting = new Map<string, { readonly pause: number; readonly again: number }>()

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

/** As long as a CRL speaks past its end: a host that is away for longer is not only away (CERT-7). */
const MOST_MS = 72 * 3_600_000

/** Since when a message has been undetermined. Time in which nobody looked does not count, nor does a clock's leap. */
export function sinceWhen({ undetermined }: InboxEntry, now: Date): Date {
  if (undetermined === null) return now
  const unseen = now.getTime() - undetermined.lookedAt.getTime()
  return unseen < 0 || unseen >= MOST_MS ? now : undetermined.since
}

/** Whether a message has been undetermined for so long that it is now refused with what is still not known. */
export function isOverdue(entry: InboxEntry, now: Date): boolean {
  // What was accepted, and answered, waits for the EHR alone.
  return entry.judgement === null && now.getTime() - sinceWhen(entry, now).getTime() >= MOST_MS
}
