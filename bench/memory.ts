/**
 * Peak memory of sealing and opening 25 MB: each in a process of its own, above what the process held after it had
 * done a small one.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAgent } from '../agent/index.ts'
import { clinic, FROM, folder, messageFile, TO } from './clinics.ts'
import { print } from './contest.ts'
import { floorOpen, floorSeal } from './seal-floor.ts'
import { pkijsOpen, pkijsSeal } from './seal-pkijs.ts'

type Work = (from: string, to: string) => Promise<unknown>

const WORK: Readonly<Record<string, (dir: string) => Promise<{ seal: Work; open: Work }>>> = {
  floor: async () => ({ seal: floorSeal, open: floorOpen }),
  'direct-agent': async (dir) => {
    const a = await createAgent(clinic('a', dir), { network: false })
    const b = await createAgent(clinic('b', dir), { network: false })
    return {
      seal: (path, out) => a.seal({ from: FROM, to: [TO], message: { path }, out }),
      open: (path, out) => b.open({ path, to: [TO], mailFrom: FROM, out }),
    }
  },
  pkijs: async () => ({ seal: pkijsSeal, open: pkijsOpen }),
}

const [who, what, dir = ''] = process.argv.slice(2)
if (who === undefined) await compare()
else await measure(who, what === 'open' ? 'open' : 'seal', dir)

async function compare(): Promise<void> {
  await using made = await folder()
  for (const bytes of [10_000, 25_000_000]) await messageFile(made.path, bytes)
  const peak = (who: string, what: string) =>
    `+${execFileSync(process.execPath, [fileURLToPath(import.meta.url), who, what, made.path], { encoding: 'utf8' }).trim()} MB`
  const names = Object.keys(WORK)
  const rows = ['seal', 'open'].map((what) => [`${what} 25 MB`, ...names.map((who) => peak(who, what))])
  print('Peak memory (RSS) of one 25 MB message, above the process before it', [['', ...names], ...rows])
}

/** Opens what the same contender sealed in an earlier process. */
async function measure(who: string, what: 'seal' | 'open', dir: string): Promise<void> {
  const work = await WORK[who]?.(dir)
  if (work === undefined) throw new Error(`nobody is called ${who}`)
  const file = (bytes: number) => join(dir, `message-${bytes}.eml`)
  const run = async (bytes: number) => {
    const sealed = join(dir, `${who}-${bytes}.sealed`)
    if (what === 'seal') await work.seal(file(bytes), sealed)
    else await work.open(sealed, join(dir, 'opened'))
  }
  await run(10_000)
  const before = process.memoryUsage.rss()
  await run(25_000_000)
  console.log(Math.round((process.resourceUsage().maxRSS * 1024 - before) / 1e6))
}
