/** One of several ways to do the same work. */
export interface Contender {
  readonly name: string
  run(): Promise<unknown> | unknown
}

/**
 * Lets the contenders take turns, so that whatever else the machine does meets all of them alike. One turn each to warm
 * up, then `rounds`. Medians, in milliseconds, in the order given.
 */
export async function contest(contenders: readonly Contender[], rounds: number): Promise<number[]> {
  const times = contenders.map((): number[] => [])
  for (let round = -1; round < rounds; round++)
    for (const [i, contender] of contenders.entries()) {
      const start = performance.now()
      await contender.run()
      if (round >= 0) times[i]?.push(performance.now() - start)
    }
  return times.map(median)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] as number
}

/** `times`, each as a multiple of the first. */
export function ratios([floor = 0, ...others]: readonly number[]): string[] {
  return ['1', ...others.map((time) => (time / floor).toFixed(1))]
}

/** A table for the terminal, its first row the heading. */
export function print(title: string, rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  console.log(`\n${title}`)
  for (const row of rows)
    console.log(
      `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0))).join('   ')}`,
    )
}
