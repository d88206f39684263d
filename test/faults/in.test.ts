import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FaultRun } from './fault-run.ts'
import { killLoop } from './kill-loop.ts'
import type { Reconciled } from './ledger.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

const SEED = 6021
const NOTHING: Reconciled = {
  lost: [],
  filedTwice: [],
  damaged: [],
  mdnMissing: [],
  mdnTwice: [],
  wrongState: [],
  asideByMistake: [],
  findings: [],
}
const short = (run: FaultRun) => run(world, { scale: 'short', seed: SEED, tell: () => undefined })

test('SIGKILL of the daemon at any moment, while 150 messages come in: each is filed once and answered once (IN-9, IN-10)', async () => {
  const { reconciled, faults } = await short(killLoop)
  expect(reconciled, `seed ${SEED}`).toEqual(NOTHING)
  expect(faults).toBeGreaterThan(4)
}, 240_000)
