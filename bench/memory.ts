/**
 * What a message adds to the memory of the process that seals or opens it: its resident set at the most, as the operating
 * system accounts for it, above what the process held after a message of 10 KB. Caches of files are not in it; what the
 * garbage collector has not got round to is.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { alone, FIRST_BYTES } from './alone.ts'
import { messageFile } from './clinics.ts'
import { type Figure, list } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { FLOOR, OURS, PKIJS } from './sealers.ts'

const MB = 1_000_000
const SIZES = [
  { name: '1 MB', bytes: MB, who: [FLOOR, OURS, PKIJS], times: 3 },
  { name: '25 MB', bytes: 25 * MB, who: [FLOOR, OURS, PKIJS], times: 3 },
  // pkijs cannot: it makes one string of it.
  { name: '250 MB', bytes: 250 * MB, who: [FLOOR, OURS], times: 1 },
]
const LIMIT = { of: OURS, timesThatOf: null, bound: 'at most', wanted: 40 } as const

const measure: Part = async ({ dir, quick, tell }) => {
  const figures: Figure[] = []
  await messageFile(dir, FIRST_BYTES)
  for (const { name, bytes, who, times } of quick ? SIZES.slice(0, 1) : SIZES) {
    const message = await messageFile(dir, bytes)
    for (const what of ['seal', 'open'] as const) {
      const found = who.map((name) => ({ name, values: [] as number[] }))
      for (let time = 0; time < (quick ? 1 : times); time++)
        for (const { name: contender, values } of found) {
          tell(`${what} ${name} by ${contender}`)
          values.push((await alone(dir, contender, what, bytes)).addedMB)
        }
      figures.push(list(`${what} ${name}`, found, [LIMIT]))
    }
    // Of the larger ones the disk should not hold more than it has to.
    await Promise.all(
      [message, ...who.map((name) => join(dir, `${name}-${bytes}.sealed`))].map((file) => rm(file)),
    )
  }
  return [
    {
      title:
        'Memory that a message adds to the process (peak RSS above the process after a message of 10 KB)',
      unit: 'MB',
      figures,
      notes: [],
    },
  ]
}
export default measure
