import { DirectError } from './errors.ts'
import type { Log } from './log.ts'

/**
 * What a process is at is held so long, and renewed while its work goes on. A process that was killed in the middle
 * keeps it from the next one no longer than this.
 */
export const HOLD_MS = 30_000

export function holdUntil(now: Date): Date {
  return new Date(now.getTime() + HOLD_MS)
}

/**
 * Renews a hold until `work` is done. A store that is busy just now must not leave that going on unseen: its answer
 * would be lost, and the work done again.
 */
export async function whileHeld<T>(
  held: { readonly messageId: string; readonly renew: (until: Date) => Promise<void> },
  { now, log }: { readonly now: () => Date; readonly log: Log },
  work: () => Promise<T>,
): Promise<T> {
  const renew = async () => {
    try {
      await held.renew(holdUntil(now()))
    } catch (error) {
      if (error instanceof DirectError && error.temporary) return
      clearInterval(timer)
      log.warn({ messageId: held.messageId }, 'a hold was not renewed')
    }
  }
  let renewed = Promise.resolve()
  const timer = setInterval(() => {
    renewed = renewed.then(renew)
  }, HOLD_MS / 3)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    await renewed
  }
}
