/**
 * How long sealing and opening 25 MB keep everything else in the process waiting: the event loop's delay, as perf_hooks
 * has it from a timer of 1 ms. Several messages one after the other, each contender alone in a process.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { alone, FIRST_BYTES } from './alone.ts'
import { messageFile } from './clinics.ts'
import { type Figure, list, type Rounds } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { FLOOR, OURS, PKIJS } from './sealers.ts'

const BYTES = 25_000_000
const CONTENDERS = [
  { who: FLOOR, times: 5 },
  // A thousandth of the turns has to be more than the one longest.
  { who: OURS, times: 10 },
  { who: PKIJS, times: 2 },
]
const LIMIT = { of: OURS, timesThatOf: null, bound: 'at most', wanted: 20 } as const

const measure: Part = async ({ dir, quick, tell }) => {
  const bytes = quick ? 1_000_000 : BYTES
  const message = await messageFile(dir, bytes)
  await messageFile(dir, FIRST_BYTES)
  const figures: Figure[] = []
  for (const what of ['seal', 'open'] as const) {
    const delays: Rounds[] = []
    const busies: Rounds[] = []
    for (const { who, times } of CONTENDERS) {
      tell(`${what} by ${who}`)
      const { delay, busy } = await alone(dir, who, what, bytes, quick ? 1 : times)
      delays.push({ name: who, values: [delay] })
      busies.push({ name: who, values: [busy] })
    }
    figures.push(list(`${what} 25 MB`, delays, [LIMIT]), list(`${what} 25 MB, on a processor`, busies))
  }
  await Promise.all(
    [message, ...CONTENDERS.map(({ who }) => join(dir, `${who}-${bytes}.sealed`))].map((file) => rm(file)),
  )
  return [
    {
      title: 'Event-loop delay while a message is sealed or opened, p99.9',
      unit: 'ms',
      figures,
      note: 'As perf_hooks has it, its timer of 1 ms included. On a processor: without the time that other programs took.',
    },
  ]
}
export default measure
