/**
 * `npm run fuzz [-- --seed N --packets N --inputs N --target NAME]`: broken packets, messages and notifications for what
 * reads them from strangers.
 */
import { parseArgs } from 'node:util'
import { type Fuzzed, type FuzzOptions, fuzz } from './fuzz.ts'
import { MESSAGE_TARGETS } from './message-targets.ts'
import type { Target } from './target.ts'
import { client, responder } from './targets.ts'

const MAX_GROWTH = 256 << 20

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    packets: { type: 'string', default: '100000' },
    inputs: { type: 'string', default: '200000' },
    target: { type: 'string', default: '' },
  },
})
const [seed, packets, inputs] = [Number(values.seed), Number(values.packets), Number(values.inputs)]
if (![seed, packets, inputs].every(Number.isSafeInteger) || Math.min(packets, inputs) < 1) {
  process.stderr.write('fuzz: --seed, --packets and --inputs take whole numbers\n')
  process.exit(2)
}

process.stdout.write(`seed ${seed}\n`)
for (const target of [client, responder]) await run(target, { seed, inputs: packets, maxMs: 50 })
for (const target of MESSAGE_TARGETS)
  await run(target, { seed, inputs: Math.ceil(inputs / MESSAGE_TARGETS.length), maxMs: 1000 })

async function run(target: Target, limits: Omit<FuzzOptions, 'maxGrowth'>): Promise<void> {
  if (!target.name.includes(values.target)) return
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
