import { DirectError } from '../errors.ts'

const HOUR_MS = 3_600_000
const MOST_HOURS = 720

/**
 * Seconds between two questions; the last one repeats. A server that was only restarted is back soon, and one that is
 * away for long hears no more than eight in the first hour (RFC 9520 3.2: from 5 s on, growing).
 */
const PAUSES = [5, 15, 45, 120, 300, 900, 1800, 3600]
/** A pause is this part of the whole at least; the rest is drawn, so that what failed together is not asked together. */
const LEAST = 0.75

/** How long it may be asked: DirectError `USAGE` for what is no such time. */
export function hoursToKeepTrying(hours: number): number {
  if (hours > 0 && hours <= MOST_HOURS) return hours
  throw new DirectError('USAGE', `${hours} hours is no time to keep trying for`, {
    hint: `Give more than 0 and at most ${MOST_HOURS} hours.`,
  })
}

/** The end of `hours` from `since` on. */
export function endOf(since: Date, hours: number): Date {
  return new Date(since.getTime() + hoursToKeepTrying(hours) * HOUR_MS)
}

/** When to ask again after `asked` questions: never later than at the end, which has a question of its own. */
export function nextQuestion(asked: number, now: Date, until: Date, random: () => number): Date {
  const seconds = PAUSES[Math.min(asked, PAUSES.length) - 1] as number
  const drawn = LEAST + (1 - LEAST) * random()
  return new Date(Math.min(now.getTime() + seconds * 1000 * drawn, until.getTime()))
}

/**
 * Whether the question that was just asked is the last one: the time is over; or so often was asked as no clock allows
 * within that time that was not set back.
 */
export function isOver(
  { since, until, asked }: { readonly since: Date; readonly until: Date; readonly asked: number },
  now: Date,
): boolean {
  const most = PAUSES.length + 1 + (until.getTime() - since.getTime()) / (LEAST * HOUR_MS)
  return now >= until || asked >= most
}
