/**
 * `npm run faults [-- --seed N RUN…]`: what power cuts, dead servers and full disks come to, against real Postfix, Dovecot
 * and BIND. `npm run faults -- --help` tells more.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { readOptions, refuse } from '../developer/options.ts'
import { RUNS } from './runs.ts'
import { HEAD, rowsOf, wrongIn } from './table.ts'
import { startWorld } from './world.ts'

const HELP = `npm run faults -- [options] [RUN…]

  --seed N  draws the faults and the messages, to see the same again (default: another one each time)
  --short   the short forms, as npm test runs them
  FULL=1    in the environment: 10,000 messages where there are 2,000

Prints a row for each run; ends with 1 unless each of its faults happened, all counts are 0 and nothing was late.

Runs (default: all of them, one after the other):
${Object.entries(RUNS)
  .map(([name, { what }]) => `  ${name.padEnd(28)}${what}`)
  .join('\n')}`

const options = readOptions('faults', HELP, () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
      short: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  return { ...values, names: positionals }
})
const { names } = options
const scale = options.short ? 'short' : 'full'
const seed = Number(options.seed)
if (!/^\d+$/.test(options.seed) || !Number.isSafeInteger(seed))
  refuse('faults', '--seed takes a whole number')
const unknown = names.find((name) => !Object.hasOwn(RUNS, name))
if (unknown !== undefined)
  refuse('faults', `there is no run ${JSON.stringify(unknown)}; there are ${Object.keys(RUNS).join(', ')}`)
const chosen = Object.entries(RUNS).filter(([name]) => names.length === 0 || names.includes(name))

process.stdout.write(`seed ${seed}, ${scale} form\n${HEAD}\n`)
for (const [name, { run }] of chosen) {
  const start = performance.now()
  try {
    await using world = await startWorld()
    const tell = (progress: string) => onTerminal(`${name}: ${progress}`)
    const report = await run(world, { scale, seed, tell })
    const seconds = (performance.now() - start) / 1000
    onTerminal('')
    process.stdout.write(`${rowsOf(name, report, seconds, loadavg()[0] ?? 0).join('\n')}\n`)
    if (wrongIn(report).length > 0) process.exitCode = 1
  } catch (error) {
    onTerminal('')
    // The others may still tell something.
    process.stdout.write(`${name} could not be run to its end: ${(error as Error).stack}\n`)
    process.exitCode = 1
  }
}

/** One line, in the place of the last. */
function onTerminal(progress: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${progress}`)
}
