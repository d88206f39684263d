import { createAgent } from '../agent/index.ts'
import { clinic, FROM, TO } from './clinics.ts'
import { floorOpen, floorSeal } from './seal-floor.ts'
import { pkijsOpen, pkijsSeal } from './seal-pkijs.ts'

export type What = 'seal' | 'open'

/** Who seals and opens within a process, from file to file; what does not succeed throws. */
export type Sealer = Readonly<Record<What, (from: string, to: string) => Promise<void>>>

export const FLOOR = 'floor'
export const OURS = 'direct-agent'
export const PKIJS = 'pkijs'

/** `dir`: where the agents may keep what they keep. */
export const sealers: Readonly<Record<string, (dir: string) => Promise<Sealer>>> = {
  [FLOOR]: async () => ({ seal: floorSeal, open: floorOpen }),
  [OURS]: ours,
  [PKIJS]: async () => ({ seal: pkijsSeal, open: pkijsOpen }),
}

async function ours(dir: string): Promise<Sealer> {
  const a = await createAgent(clinic('a', dir), { network: false })
  const b = await createAgent(clinic('b', dir), { network: false })
  return {
    async seal(path, out) {
      const { copies } = await a.seal({ from: FROM, to: [TO], message: { path }, out })
      if (copies.length !== 1) throw new Error('not sealed')
    },
    async open(path, out) {
      const { verdict, why } = await b.open({ path, to: [TO], mailFrom: FROM, out })
      if (verdict !== 'accept') throw new Error(`not accepted: ${why[0]?.text}`)
    },
  }
}
