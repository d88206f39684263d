import { type FaultReport, howMany, neverHappened } from './fault-run.ts'
import { counts } from './ledger.ts'

/** What the columns of the ledger's counts are called, in its order. */
const COUNTED = {
  lost: 'lost',
  filedTwice: 'filed twice',
  damaged: 'damaged',
  mdnMissing: 'MDN missing',
  mdnTwice: 'MDN twice',
  wrongState: 'wrong state',
  asideByMistake: 'put aside',
  findings: 'findings',
}
const FIRST = ['messages', 'faults', 'seconds', 'load'] as const
/** Of one kind: where one went wrong, often a thousand did. */
const MOST_TOLD = 10
const NAME_WIDTH = 26

export const HEAD = row('run', [...FIRST, ...Object.values(COUNTED)])

/** What has gone wrong in a run, a sentence each; none: it has passed. */
export function wrongIn({ faults, reconciled, late }: FaultReport): string[] {
  return [
    ...neverHappened(faults).map((kind) => `${kind} never happened, so that this run proves nothing`),
    ...Object.entries(reconciled).flatMap(([what, list]) =>
      some(list).map((each) => `${COUNTED[what as keyof typeof COUNTED]}: ${each}`),
    ),
    ...late,
  ]
}

function some(list: readonly string[]): string[] {
  const more = list.length - MOST_TOLD
  return [...list.slice(0, MOST_TOLD), ...(more > 0 ? [`and ${more} more`] : [])]
}

/** One run: a row of the table, and below it what faults there were, what is worth knowing and what was wrong. */
export function rowsOf(name: string, report: FaultReport, seconds: number, load: number): string[] {
  const { messages, faults, reconciled, notes } = report
  const found = counts(reconciled)
  return [
    row(name, [
      ...[messages, howMany(faults), Math.round(seconds), load.toFixed(1)],
      ...Object.keys(COUNTED).map((what) => found[what as keyof typeof found]),
    ]),
    ...[kinds(faults), ...notes, ...wrongIn(report)].map((line) => `  ${line}`),
  ]
}

function kinds(faults: FaultReport['faults']): string {
  return Object.entries(faults)
    .map(([kind, times]) => `${kind}: ${times}`)
    .join(', ')
}

function row(name: string, cells: readonly (string | number | undefined)[]): string {
  const widths = [...FIRST, ...Object.values(COUNTED)].map((title) => title.length + 2)
  return name.padEnd(NAME_WIDTH) + cells.map((cell, at) => String(cell).padStart(widths[at] ?? 0)).join('')
}
