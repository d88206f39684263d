const SERIALS = 2 ** 32

/**
 * The serial of content that is published from `now` on instead of that of `previous` (null: the first since the start).
 * It is the time in seconds since 1970, so that it is greater after every restart although none is kept; a change
 * within the same second, or after the clock was set back, counts on from the one before. Compared as RFC 1982 asks.
 */
export function nextSerial(previous: number | null, now: Date): number {
  const time = Math.floor(now.getTime() / 1000) % SERIALS
  return previous === null || isLater(time, previous) ? time : (previous + 1) % SERIALS
}

/** RFC 1982 3.2: serials wrap, and the one less than half the circle ahead is the later. */
function isLater(a: number, b: number): boolean {
  const ahead = (a - b + SERIALS) % SERIALS
  return ahead > 0 && ahead < SERIALS / 2
}
