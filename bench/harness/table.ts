import type { Figure, Group, Limit, Unit } from './figures.ts'

/** A group as a table for the terminal: a row for each figure, a column for each contender, what is wanted last. */
export function table({ title, unit, figures, note }: Group): string {
  const names = [...new Set(figures.flatMap(({ contenders }) => contenders.map(({ name }) => name)))]
  const limited = figures.some(({ limits }) => limits.length > 0)
  const rows = [
    ['', ...names, ...(limited ? ['wanted'] : [])],
    ...figures.map((figure) => [
      figure.name,
      ...names.map((name) => cell(figure, name, unit)),
      ...(limited ? [figure.limits.map((limit) => outcome(limit, unit)).join('; ')] : []),
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const last = limited ? widths.length - 1 : -1
  const lines = rows.map((row) =>
    row
      .map((text, i) => (i === 0 || i === last ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join('   ')
      .trimEnd(),
  )
  return [
    `\n${title}`,
    ...lines.map((line) => `  ${line}`),
    ...(note?.split('\n') ?? []).map((line) => `  ${line}`),
  ].join('\n')
}

function cell({ contenders }: Figure, name: string, unit: Unit): string {
  const measured = contenders.find((one) => one.name === name)
  if (measured === undefined) return ''
  const value = inUnit(measured.value, unit)
  return measured.ratio === null || measured === contenders[0] ? value : `${value} = ${short(measured.ratio)}`
}

function outcome(limit: Limit, unit: Unit): string {
  const { found, met, timesThatOf } = limit
  return `${wanted(limit, unit)}: ${met ? 'met' : `not met, ${timesThatOf === null ? inUnit(found, unit) : short(found)}`}`
}

export function wanted({ bound, wanted, timesThatOf }: Limit, unit: Unit): string {
  const bare = String(Number(wanted.toFixed(2)))
  return `${bound} ${timesThatOf === null ? withUnit(bare, unit) : `${bare} × ${timesThatOf}`}`
}

export function inUnit(value: number, unit: Unit): string {
  return withUnit(COUNTED.has(unit) ? String(value) : short(value), unit)
}

/** What is counted is named by the title. */
const COUNTED: ReadonlySet<Unit> = new Set(['questions', 'searches'])

function withUnit(number: string, unit: Unit): string {
  if (COUNTED.has(unit)) return number
  return unit === '/s' ? `${number}/s` : `${number} ${unit}`
}

/** As many digits as tell something. */
export function short(value: number): string {
  if (value >= 100) return String(Math.round(value))
  if (value >= 10) return value.toFixed(1)
  return value >= 0.1 || value === 0 ? value.toFixed(2) : value.toPrecision(2)
}
