/** Running times of one kind of message, in microseconds. */
export interface Sample {
  readonly name: string
  readonly times: readonly number[]
}

export interface Comparison {
  readonly names: readonly [string, string]
  /** Of the means, in microseconds. */
  readonly difference: number
  readonly t: number
}

/** Welch's t of two samples: how many standard errors lie between their means, whatever their variances. */
export function welch(a: readonly number[], b: readonly number[]): number {
  const [first, second] = [moments(a), moments(b)]
  const error = Math.sqrt(first.variance / a.length + second.variance / b.length)
  return error === 0 ? 0 : (first.mean - second.mean) / error
}

/**
 * Without the slowest of all of them together, in which the machine was busy with something else: what is left shows
 * smaller differences. `share` stays.
 */
export function cropped(samples: readonly Sample[], share: number): readonly Sample[] {
  const all = samples.flatMap(({ times }) => times).toSorted((a, b) => a - b)
  const most = all[Math.ceil(share * all.length) - 1] ?? 0
  return samples.map(({ name, times }) => ({ name, times: times.filter((time) => time <= most) }))
}

/** Each with each. */
export function compareAll(samples: readonly Sample[]): readonly Comparison[] {
  return samples.flatMap((a, i) =>
    samples.slice(i + 1).map((b) => ({
      names: [a.name, b.name] as const,
      difference: moments(a.times).mean - moments(b.times).mean,
      t: welch(a.times, b.times),
    })),
  )
}

export function moments(values: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, variance: values.length < 2 ? 0 : squares / (values.length - 1) }
}
