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
  /** How often each fault was seen to happen, by its kind. */
  readonly faults: Faults
  readonly reconciled: Reconciled
  /** What else is worth knowing, a sentence each. */
  readonly notes: readonly string[]
  /** What took longer than it may; a busy machine is to blame for some, so that no test looks at it. */
  readonly late: readonly string[]
}

export type Faults = Readonly<Record<string, number>>

/** Does its faults to the clinic `b` of a world that others may have used before, and counts what came of it. */
export type FaultRun = (world: World, options: FaultOptions) => Promise<FaultReport>

export function howMany(faults: Faults): number {
  return Object.values(faults).reduce((sum, times) => sum + times, 0)
}

/** The kinds that never happened: a run that meant to do them has proved nothing. */
export function neverHappened(faults: Faults): string[] {
  return Object.entries(faults).flatMap(([kind, times]) => (times === 0 ? [kind] : []))
}

/** Counts faults as they are seen to happen. */
export class Seen<Kind extends string> {
  readonly #times: Map<Kind, number>

  /** The kinds that must happen, all of them. */
  constructor(kinds: readonly Kind[]) {
    this.#times = new Map(kinds.map((kind) => [kind, 0]))
  }

  add(kind: Kind, times = 1): void {
    this.#times.set(kind, (this.#times.get(kind) ?? 0) + times)
  }

  get faults(): Faults {
    return Object.fromEntries(this.#times)
  }
}
