/** What a bench finds out, in the form in which it is printed, drawn and recorded. */

/** One thing that was measured, of everyone who took part. */
export interface Figure {
  readonly name: string
  /** The first is what the others are compared with. */
  readonly contenders: readonly Measured[]
  readonly limits: readonly Limit[]
}

export interface Measured {
  readonly name: string
  /** In the group's unit; of several runs the median. */
  readonly value: number
  readonly least: number
  readonly most: number
  /** Of the first contender's value: the median of what each round gave. Null where nothing is compared. */
  readonly ratio: number | null
}

/** What is wanted of a contender. */
export interface Limit {
  readonly of: string
  /** Whose value it is a multiple of; null: it is a value in the group's unit. */
  readonly timesThatOf: string | null
  readonly bound: 'at most' | 'at least'
  readonly wanted: number
  readonly found: number
  readonly met: boolean
}

/** Figures with one unit, which stand in one table. */
export interface Group {
  readonly title: string
  readonly unit: Unit
  readonly figures: readonly Figure[]
  /** What a reader has to know to compare fairly. */
  readonly note: string | null
}

export type Unit = 'ms' | '/s' | 'MB' | 'questions' | 'searches'

/** What a contender gave in each round. */
export interface Rounds {
  readonly name: string
  readonly values: readonly number[]
}

type Wanted = Omit<Limit, 'found' | 'met'>

/** Figures of contenders who took turns: the ratios are taken round by round, so that what the machine did meanwhile meets both sides. */
export function compare(name: string, all: readonly Rounds[], wanted: readonly Wanted[] = []): Figure {
  const base = all[0]?.values ?? []
  const contenders = all.map(({ name, values }) => ({
    ...spread(name, values),
    ratio: round(median(values.map((value, i) => value / (base[i] as number)))),
  }))
  return withLimits(name, contenders, wanted)
}

/** Figures that stand each for themselves. */
export function list(name: string, all: readonly Rounds[], wanted: readonly Wanted[] = []): Figure {
  const contenders = all.map(({ name, values }) => ({ ...spread(name, values), ratio: null }))
  return withLimits(name, contenders, wanted)
}

function spread(name: string, values: readonly number[]) {
  return {
    name,
    value: round(median(values)),
    least: round(Math.min(...values)),
    most: round(Math.max(...values)),
  }
}

function withLimits(name: string, contenders: readonly Measured[], wanted: readonly Wanted[]): Figure {
  const of = (who: string) => {
    const found = contenders.find(({ name }) => name === who)
    if (found === undefined) throw new Error(`${who} took no part in "${name}"`)
    return found
  }
  const limits = wanted.map((limit) => {
    const [measured, other] = [of(limit.of), limit.timesThatOf === null ? null : of(limit.timesThatOf)]
    const found = round(
      other === null ? measured.value : (measured.ratio ?? measured.value) / (other.ratio ?? other.value),
    )
    const met = limit.bound === 'at most' ? found <= limit.wanted : found >= limit.wanted
    return { ...limit, found, met }
  })
  return { name, contenders, limits }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] as number
}

/** Three digits are more than a machine repeats. */
function round(value: number): number {
  return Number(value.toPrecision(4))
}
