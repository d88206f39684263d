/**
 * `npm run fuzz [-- --seed N --packets N --inputs N --target NAME]`: broken packets, messages and notifications for what
 * reads them from strangers. `npm run fuzz -- --help` tells more.
 */
import { parseArgs } from 'node:util'
import { choose, readOptions, refuse } from '../developer/options.ts'
import { type Fuzzed, type FuzzOptions, fuzz } from './fuzz.ts'
import { MESSAGE_TARGETS } from './message-targets.ts'
import type { Target } from './target.ts'
import { client, responder } from './targets.ts'

const MAX_GROWTH = 256 << 20

const ALL = [client, responder, ...MESSAGE_TARGETS]
const HELP = `npm run fuzz -- [options]

  --seed N       of the random numbers, to see the same inputs again (default: another one each time)
  --packets N    DNS packets for each target that takes them (default: 100000)
  --inputs N     messages and the like, for all their targets together (default: 200000)
  --target NAME  those alone whose name holds it

Targets:
${ALL.map(({ name }) => `  ${name}`).join('\n')}`

const values = readOptions(
  'fuzz',
  HELP,
  () =>
    parseArgs({
      options: {
        seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
        packets: { type: 'string', default: '100000' },
        inputs: { type: 'string', default: '200000' },
        target: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    }).values,
)
const [seed, packets, inputs] = [Number(values.seed), Number(values.packets), Number(values.inputs)]
if (![seed, packets, inputs].every(Number.isSafeInteger) || Math.min(packets, inputs) < 1)
  refuse('fuzz', '--seed, --packets and --inputs take whole numbers')
const chosen = choose('fuzz', 'target', ALL, values.target)

process.stdout.write(`seed ${seed}\n`)
for (const target of chosen) {
  const takesPackets = target === client || target === responder
  const share = Math.ceil(inputs / MESSAGE_TARGETS.length)
  await run(target, { seed, inputs: takesPackets ? packets : share, maxMs: takesPackets ? 50 : 1000 })
}

async function run(target: Target, limits: Omit<FuzzOptions, 'maxGrowth'>): Promise<void> {
  const start = performance.now()
  const fuzzed = await fuzz(target, { ...limits, maxGrowth: MAX_GROWTH })
  process.stdout.write(`${summary(target, fuzzed, limits.maxMs, performance.now() - start)}\n`)
  if (fuzzed.breakage === null) return
  const { why, input } = fuzzed.breakage
  process.stdout.write(
    `${target.name} broke, seed ${seed}: ${why}\ninput, in base64: ${input.toString('base64')}\n`,
  )
  process.exitCode = 1
}

function summary(
  target: Target,
  { inputs, slowest, largest, kinds }: Fuzzed,
  maxMs: number,
  ms: number,
): string {
  const shares = [...kinds]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${((100 * count) / inputs).toFixed(1)} %`)
  return [
    `${target.name}: ${inputs} inputs of ${target.seeds.length} seeds in ${(ms / 1000).toFixed(1)} s`,
    `slowest ${slowest.toFixed(1)} ms of ${maxMs}`,
    `largest answer ${largest} bytes of ${target.maxSize}`,
    shares.join(', '),
  ].join('; ')
}
