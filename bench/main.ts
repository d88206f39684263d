/** `npm run bench`: the figures that the README claims, as ratios within one run. `npm run bench -- --help` tells more. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { folder } from './clinics.ts'
import { load, machine } from './harness/machine.ts'
import { createProgress } from './harness/progress.ts'
import type { Report, ReportedPart } from './harness/report.ts'
import { runParts } from './harness/run-parts.ts'
import { table } from './harness/table.ts'
import { DOCS, RESULTS, writeReport } from './harness/write-report.ts'
import { parts } from './parts.ts'

const { only, out, record, quick, minutes } = readArguments()
const start = performance.now()
const date = new Date().toISOString()
const before = load()
const done: ReportedPart[] = []
await using dir = await folder()
for await (const { part, seconds, groups } of runParts(
  only,
  { dir: dir.path, quick, minutes },
  createProgress(process.stderr),
)) {
  done.push({ part, seconds, failed: groups === null, groups: groups ?? [] })
  for (const group of groups ?? []) console.log(table(group))
}
const report: Report = {
  version: 1,
  date,
  machine: machine(),
  load: { before, after: load() },
  seconds: Math.round((performance.now() - start) / 1000),
  quick,
  parts: done,
}
const written = (await Promise.all([out, ...record].map((to) => writeReport(to, report)))).flat()
const { cores, cpu, node } = report.machine
console.log(
  `\n${report.seconds} s on ${cores} cores (${cpu}), Node ${node}; load average ${before} before, ${report.load.after} after`,
)
console.log(`Written: ${written.join(', ')}`)
const failed = done.filter((part) => part.failed).map(({ part }) => part)
if (failed.length > 0) {
  console.error(`Not measured: ${failed.join(', ')}`)
  process.exitCode = 1
}

function readArguments() {
  const names = Object.keys(parts)
  const usual = names.filter((name) => !parts[name]?.byNameOnly)
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      minutes: { type: 'string', default: '60' },
      out: { type: 'string' },
      record: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(help())
    process.exit()
  }
  const named = [...positionals, ...(values.only?.split(',') ?? [])]
  const only = named.length > 0 ? named : usual
  const unknown = only.filter((name) => !names.includes(name))
  if (unknown.length > 0) refuse(`no part is called ${unknown.join(', ')}; there are ${names.join(', ')}`)
  const minutes = Number(values.minutes)
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 10_000)
    refuse(`--minutes takes a whole number from 1 to 10000, and not ${values.minutes}`)
  if (values.record && (values.quick || named.length > 0))
    refuse('--record is for a whole run, without --only and --quick')
  return {
    only,
    out: resolve(values.out ?? RESULTS),
    record: values.record ? [DOCS] : [],
    quick: values.quick,
    minutes,
  }
}

function help(): string {
  return `npm run bench -- [options] [NAME ...]

  NAME              this part alone (--only NAME,NAME: these)
  --minutes N       how long soak goes on (default: 60)
  --out FOLDER      where speed.json and speed.svg go (default: bench/results)
  --record          into docs/ as well, for the README
  --quick           small sizes and few rounds: whether the bench works, and no more

Parts:
${Object.entries(parts)
  .map(
    ([name, { about, byNameOnly }]) => `  ${name.padEnd(10)} ${about}${byNameOnly ? '; by name only' : ''}`,
  )
  .join('\n')}`
}

function refuse(why: string): never {
  console.error(`bench: ${why}`)
  process.exit(2)
}
