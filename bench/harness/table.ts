import type { Figure, Group, Limit, Measured, Unit } from './figures.ts'

/** A group as a table for the terminal: a row for each figure, a column for each contender, what is wanted last. */
export function table({ title, unit, figures, notes }: Group): string {
  const names = [...new Set(figures.flatMap(({ contenders }) => contenders.map(({ name }) => name)))]
  const limited = figures.some(({ limits }) => limits.length > 0)
  const rows = [
    ['', ...names, ...(limited ? ['wanted'] : [])],
    ...figures.map((figure) => [
      figure.name,
      ...names.map((name) => cell(figure, name, unit)),
      ...(limited ? [figure.limits.map((limit) => wanted(limit, unit)).join('; ')] : []),
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
  return [`\n${title}`, ...lines.map((line) => `  ${line}`), ...notes.map((note) => `  ${note}`)].join('\n')
}

function cell({ contenders }: Figure, name: string, unit: Unit): string {
  const measured = contenders.find((one) => one.name === name)
  if (measured === undefined) return ''
  const value = inUnit(measured.value, unit)
  return measured.ratio === null || measured === contenders[0] ? value : `${value} = ${times(measured)}`
}

function times({ ratio }: Measured): string {
  return short(ratio ?? 0)
}

function wanted({ bound, wanted, timesThatOf, found, met }: Limit, unit: Unit): string {
  const what = timesThatOf === null ? inUnit(wanted, unit) : `${short(wanted)} times ${timesThatOf}`
  return `${bound} ${what}: ${met ? 'met' : `not met, ${timesThatOf === null ? inUnit(found, unit) : short(found)}`}`
}

export function inUnit(value: number, unit: Unit): string {
  const gap = unit === '/s' ? '' : ' '
  return unit === 'questions' || unit === 'searches' ? short(value) : `${short(value)}${gap}${unit}`
}

/** As many digits as tell something. */
export function short(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value))
  if (value >= 10) return value.toFixed(1)
  return value >= 0.1 ? value.toFixed(2) : value.toPrecision(2)
}
