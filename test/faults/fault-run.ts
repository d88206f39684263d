import type { Reconciled } from './ledger.ts'
import type { World } from './world.ts'

/** `short`: within `npm test`; `full`: by `npm run faults`, more yet with `FULL=1`. */
export type Scale = 'short' | 'full'

export interface FaultOptions {
  readonly scale: Scale
  /** The same seed draws the same faults, though the machine may be quicker or slower about them. */
  readonly seed: number
  readonly tell: (progress: string) => void
}

export interface FaultReport {
  readonly messages: number
  /** How many were done. */
  readonly faults: number
  readonly reconciled: Reconciled
  /** What else is worth knowing, a sentence each. */
  readonly notes: readonly string[]
  /** What took longer than it may; a busy machine is to blame for some, so that no test looks at it. */
  readonly late: readonly string[]
}

/** Does its faults to the clinic `b` of a world that others may have used before, and counts what came of it. */
export type FaultRun = (world: World, options: FaultOptions) => Promise<FaultReport>
