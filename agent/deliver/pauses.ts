/**
 * Seconds between tries at most, a quarter less at least: what failed together does not come back together. The last one
 * repeats.
 */
const PAUSES = [5, 15, 60, 180, 600, 1200, 2400, 3600]

/**
 * How many milliseconds after its `attempts`th try in vain something is tried again; null: no more, since it was tried for
 * `giveUpMs`. Time in which nobody could try, as after a power cut, is no time of trying.
 */
export function pauseAfter(attempts: number, giveUpMs: number, random: () => number): number | null {
  const tried = Array.from({ length: attempts - 1 }, (_, index) => pauseMs(index + 1))
  if (tried.reduce((sum, ms) => sum + ms, 0) >= giveUpMs) return null
  return pauseMs(attempts) * (1 - random() / 4)
}

function pauseMs(attempts: number): number {
  return (PAUSES[Math.min(attempts, PAUSES.length) - 1] as number) * 1000
}
