/**
 * What a message adds to the memory of the process that seals or opens it: its resident set at the most, as the operating
 * system accounts for it, above what the process held after a message of 10 KB. Caches of files are not in it; what the
 * garbage collector has not got round to is.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { alone, FIRST_BYTES } from './alone.ts'
import { messageFile } from './clinics.ts'
import { type Figure, list, type Rounds } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { FLOOR, OURS, PKIJS } from './sealers.ts'

const MB = 1_000_000
const SIZES = [
  { name: '1 MB', bytes: MB, who: [FLOOR, OURS, PKIJS] },
  { name: '25 MB', bytes: 25 * MB, who: [FLOOR, OURS, PKIJS] },
  // pkijs cannot, as it makes one string of it; the limit is none beside the floor, which would take as long again.
  { name: '250 MB', bytes: 250 * MB, who: [OURS] },
]
/** Where there is time: it depends on when garbage is collected. */
const OURS_TIMES = 3
const AT_LENGTH = 100 * MB
const LIMIT = { of: OURS, timesThatOf: null, bound: 'at most', wanted: 40 } as const

const measure: Part = async ({ dir, quick, tell }) => {
  const figures: Figure[] = []
  await messageFile(dir, FIRST_BYTES)
  for (const { name, bytes, who } of quick ? SIZES.slice(0, 1) : SIZES) {
    const message = await messageFile(dir, bytes)
    for (const what of ['seal', 'open'] as const) {
      const found: Rounds[] = []
      for (const contender of who) {
        tell(`${what} ${name} by ${contender}`)
        const values: number[] = []
        const times = contender === OURS && bytes < AT_LENGTH && !quick ? OURS_TIMES : 1
        while (values.length < times) values.push((await alone(dir, contender, what, bytes)).addedMB)
        found.push({ name: contender, values })
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
      title: 'Memory that a message adds to the process',
      unit: 'MB',
      figures,
      note: 'Peak RSS, above what the process held after a message of 10 KB.',
    },
  ]
}
export default measure
