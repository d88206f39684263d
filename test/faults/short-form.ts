import { afterAll, beforeAll, expect } from 'vitest'
import { type FaultReport, type FaultRun, neverHappened } from './fault-run.ts'
import { NOTHING } from './ledger.ts'
import { startWorld, type World } from './world.ts'

/** Drawn once; it is in every failure's message. */
export const SEED = 6021

/** One world for all tests of a file; each run in it must find nothing, and each of its faults must have happened. */
export function shortForms(): (run: FaultRun) => Promise<FaultReport> {
  let world: World
  beforeAll(async () => {
    world = await startWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())
  return async (run) => {
    const report = await run(world, { scale: 'short', seed: SEED, tell: () => undefined })
    expect(report.reconciled, `seed ${SEED}`).toEqual(NOTHING)
    expect(neverHappened(report.faults), `of ${JSON.stringify(report.faults)}`).toEqual([])
    return report
  }
}
