/** `npm run fuzz [-- --seed N --packets N]`: broken packets for what reads packets from strangers. */
import { parseArgs } from 'node:util'
import { type Fuzzed, fuzz } from './fuzz.ts'
import { client, responder, type Target } from './targets.ts'

const MAX_MS = 50

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    packets: { type: 'string', default: '100000' },
  },
})
const [seed, packets] = [Number(values.seed), Number(values.packets)]
if (![seed, packets].every(Number.isSafeInteger) || packets < 1) {
  process.stderr.write('fuzz: --seed and --packets take whole numbers\n')
  process.exit(2)
}

process.stdout.write(`seed ${seed}\n`)
for (const target of [client, responder]) {
  const start = performance.now()
  const fuzzed = fuzz(target, { seed, packets, maxMs: MAX_MS })
  process.stdout.write(`${summary(target, fuzzed, performance.now() - start)}\n`)
  if (fuzzed.breakage === null) continue
  const { why, packet } = fuzzed.breakage
  process.stdout.write(`${target.name} broke, seed ${seed}: ${why}\npacket ${packet.toString('hex')}\n`)
  process.exitCode = 1
}

function summary(target: Target, { packets, slowest, largest, kinds }: Fuzzed, ms: number): string {
  const shares = [...kinds]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${((100 * count) / packets).toFixed(1)} %`)
  return [
    `${target.name}: ${packets} packets in ${(ms / 1000).toFixed(1)} s`,
    `slowest ${slowest.toFixed(1)} ms of ${MAX_MS}`,
    `largest answer ${largest} bytes of ${target.maxSize}`,
    shares.join(', '),
  ].join('; ')
}
