/**
 * `npm run faults [-- --seed N NAME…]`: what power cuts, dead servers and full disks come to, against real Postfix, Dovecot
 * and BIND; `FULL=1` for more of it. Ends with 1 unless every count is 0.
 */
import { parseArgs } from 'node:util'
import { counts } from './ledger.ts'
import { RUNS } from './runs.ts'
import { startWorld } from './world.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    short: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const unknown = positionals.filter((name) => !Object.hasOwn(RUNS, name))
if (!Number.isSafeInteger(seed) || unknown.length > 0) {
  process.stderr.write(`faults: --seed takes a whole number, and runs are ${Object.keys(RUNS).join(', ')}\n`)
  process.exit(2)
}

process.stdout.write(`seed ${seed}\n`)
for (const [name, run] of Object.entries(RUNS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const start = performance.now()
  await using world = await startWorld()
  const report = await run(world, { scale: values.short ? 'short' : 'full', seed, tell })
  const found = counts(report.reconciled)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  process.stdout.write(`${name}: ${report.faults} faults, ${report.messages} messages in ${seconds} s\n`)
  for (const [what, count] of Object.entries(found)) process.stdout.write(`  ${what.padEnd(15)}${count}\n`)
  for (const note of [...report.notes, ...report.late]) process.stdout.write(`  ${note}\n`)
  for (const [what, list] of Object.entries(report.reconciled))
    for (const each of list) process.stdout.write(`  ${what}: ${each}\n`)
  if (report.late.length > 0 || Object.values(found).some((count) => count > 0)) process.exitCode = 1
}

function tell(progress: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${progress}`)
}
