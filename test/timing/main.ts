/**
 * `npm run timing [-- --runs N --bytes N --family NAME]`: whether the time that a message takes shows what was wrong with its
 * decryption (protocol.md ALG-2). Messages of each family take turns, in an order drawn anew for each round.
 */
import { parseArgs } from 'node:util'
import { judge } from '../agent/smime/opening.ts'
import { choose, readOptions, refuse } from '../developer/options.ts'
import { type Family, families } from './faults.ts'
import { type Comparison, compareAll, cropped, moments, type Sample } from './welch.ts'

/** From here on two means are held to differ, as tests for leaks of side channels have it. */
const MOST = 4.5
/** Messages made of each kind, so that none stands for its bytes alone. */
const DISTINCT = 16
const WARM_UP = 100

const HELP = `npm run timing -- [options]

  --runs N       of each kind of message (default: 2000)
  --bytes N      about how long the messages are (default: 10000)
  --family NAME  those alone whose name holds it, as in --family OAEP; one that does not exist lists them`

const values = readOptions(
  'timing',
  HELP,
  () =>
    parseArgs({
      options: {
        runs: { type: 'string', default: '2000' },
        bytes: { type: 'string', default: '10000' },
        family: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    }).values,
)
const [runs, bytes] = [Number(values.runs), Number(values.bytes)]
if (![runs, bytes].every(Number.isSafeInteger) || runs < 2 || bytes < 1)
  refuse('timing', '--runs and --bytes take whole numbers, two runs at least')

for (const family of choose('timing', 'family', await families(bytes), values.family)) {
  process.stdout.write(`\n${family.name}, ${bytes} bytes, ${runs} runs of each\n`)
  const samples = await measure(family)
  for (const { name, times } of samples) process.stdout.write(`  ${row(name, times)}\n`)
  const comparisons = compareAll(samples)
  tell('of all runs', comparisons)
  // Where the machine does other work beside, less than a tenth of a mean goes unseen among all runs.
  tell('without the slowest tenth of the runs', compareAll(cropped(samples, 0.9)))
  if (comparisons.some(({ t }) => Math.abs(t) >= MOST)) process.exitCode = 1
}

/** Which pair differs the most, and how many there are that are held to differ. */
function tell(what: string, comparisons: readonly Comparison[]): void {
  const [most] = comparisons.toSorted((a, b) => Math.abs(b.t) - Math.abs(a.t))
  if (most === undefined) return
  const { names, t, difference } = most
  const over = comparisons.filter((one) => Math.abs(one.t) >= MOST).length
  process.stdout.write(
    `  ${what}: ${over} of ${comparisons.length} pairs at or over ${MOST}; the largest |t| ${Math.abs(t).toFixed(2)}, ${Math.abs(difference).toFixed(1)} µs, ${names.join(' / ')}\n`,
  )
}

async function measure({ key, faults }: Family): Promise<readonly Sample[]> {
  const kinds = Object.entries(faults).map(([name, make]) => ({
    name,
    messages: Array.from({ length: DISTINCT }, make),
    times: [] as number[],
  }))
  for (let round = -WARM_UP; round < runs; round++)
    for (const { messages, times } of shuffled(kinds)) {
      const message = messages[(round + WARM_UP) % DISTINCT] as Buffer
      const start = performance.now()
      await using judged = await judge(message, { keys: [key] })
      const time = 1000 * (performance.now() - start)
      if (judged.code !== 'UNDECRYPTABLE') throw new Error(`a message was ${judged.code}`)
      if (round >= 0) times.push(time)
    }
  return kinds
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function row(name: string, times: readonly number[]): string {
  const { mean, variance } = moments(times)
  const median = times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0
  return `${name.padEnd(34)} mean ${mean.toFixed(0).padStart(6)}  median ${median.toFixed(0).padStart(6)}  deviation ${Math.sqrt(variance).toFixed(0)} µs`
}
