/**
 * Sealing and opening a file within a process: compose, classify, sign, encrypt; decrypt, verify, judge. Beside it the
 * least that anyone has to do with the bytes, and pkijs doing the whole without judging anybody.
 */
import { join } from 'node:path'
import { messageFile } from './clinics.ts'
import { contest } from './harness/contest.ts'
import { compare, type Figure } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { FLOOR, OURS, sealers, type What } from './sealers.ts'

const SIZES = [
  { name: '10 KB', bytes: 10_000, rounds: 41, limited: false },
  { name: '1 MB', bytes: 1_000_000, rounds: 15, limited: false },
  { name: '25 MB', bytes: 25_000_000, rounds: 5, limited: true },
]
const BUDGET_MS = 5000
const LIMIT = { of: OURS, timesThatOf: FLOOR, bound: 'at most', wanted: 1.5 } as const

const measure: Part = async ({ dir, quick, tell }) => {
  const everyone = await Promise.all(
    Object.entries(sealers).map(async ([name, make]) => ({ name, ...(await make(dir)) })),
  )
  const times: Figure[] = []
  const cpu: Figure[] = []
  for (const { name, bytes, rounds, limited } of quick ? SIZES.slice(0, 1) : SIZES) {
    const message = await messageFile(dir, bytes)
    const sealed = (who: string) => join(dir, `${who}.sealed`)
    const out = (who: string) => join(dir, `${who}.opened`)
    const files = (what: What, who: string) =>
      what === 'seal' ? ([message, sealed(who)] as const) : ([sealed(who), out(who)] as const)
    for (const what of ['seal', 'open'] as const) {
      tell(`${what} ${name}`)
      const contenders = everyone.map((who) => ({
        name: who.name,
        run: () => who[what](...files(what, who.name)),
      }))
      const turns = { rounds: quick ? 1 : rounds, budgetMs: BUDGET_MS, swept: bytes >= 1_000_000 }
      const turned = await contest(contenders, turns)
      times.push(compare(`${what} ${name}`, turned, limited ? [LIMIT] : []))
      cpu.push(
        compare(
          `${what} ${name}`,
          turned.map(({ name, cpu }) => ({ name, values: cpu })),
        ),
      )
    }
  }
  return [
    {
      title: 'Seal and open within a process, from file to file',
      unit: 'ms',
      figures: times,
      note: [
        'The floor: SHA-256, AES-256-CBC and the same base64 by node:crypto, and nothing else.',
        'pkijs holds messages in memory, looks for no path to an anchor, and opens no attachment.',
        'direct-agent alone waits until its file is on the disk.',
      ].join('\n'),
    },
    {
      title: 'Its processor time, of all threads',
      unit: 'ms',
      figures: cpu,
      note: 'Where other programs disturb the figures above, this says more.',
    },
  ]
}
export default measure
