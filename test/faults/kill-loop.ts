import { setTimeout as pause } from 'node:timers/promises'
import { seeded } from '../fuzz/mutate.ts'
import { agentOf, running } from './agents.ts'
import { Daemon } from './daemon.ts'
import { HELD_MS } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import type { FaultReport, FaultRun } from './fault-run.ts'
import { inject, reconcile, settled } from './ledger.ts'
import { WallClock } from './wall-clock.ts'

/** How long the daemon lives, in milliseconds, drawn by the seed. */
const LIVES = { short: [700, 1700], full: [1000, 7000] } as const
const MESSAGES = { short: 150, full: process.env.FULL === '1' ? 10_000 : 2000 }
/** While one message in so many milliseconds comes in. */
const EVERY_MS = { short: 60, full: 100 }
const SIZES = [600, 73_000] as const
const BACK_AT_WORK_WITHIN_MS = 5000

/** After the last message is known: long enough for a second answer to come, if there is one. */
const QUIET_MS = 3000

/**
 * `kill -9` of `direct run`, again and again, while messages of 1 to 100 KB come in; then it may finish, and everything
 * is counted. The short form kills more often than it should be: its messages are few.
 */
export const killLoop: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const random = seeded(seed)
  const [least, most] = LIVES[scale]
  await using ehr = await Ehr.start(world.b.dir, 'kill-loop')
  await using sender = running(await agentOf(world.a, world))
  let coming = true
  const injecting = inject(sender.agent, {
    count: MESSAGES[scale],
    seed,
    minBytes: SIZES[0],
    maxBytes: SIZES[1],
    everyMs: EVERY_MS[scale],
  }).finally(() => {
    coming = false
  })
  const starts: (number | null)[] = []
  while (coming) {
    await using daemon = Daemon.start(world.b, ehr.dir)
    await pause(least + random(most - least + 1))
    await daemon.kill()
    starts.push(daemon.workingAfterMs)
    tell(`${starts.length} kills, ${ehr.count} messages filed`)
  }
  const injected = await injecting
  const later = await WallClock.in(world.dir, HELD_MS)
  await using last = Daemon.start(world.b, ehr.dir, { env: later.env })
  await settled(sender.agent, injected)
  await pause(QUIET_MS)
  await last.kill()
  const worked = starts.filter((ms) => ms !== null).sort((one, other) => one - other)
  const late = worked.filter((ms) => ms > BACK_AT_WORK_WITHIN_MS)
  return {
    messages: injected.length,
    faults: starts.length,
    reconciled: await reconcile(world, sender.agent, ehr, injected),
    notes: [
      `back at work after ${worked[worked.length >> 1]} ms, ${worked.at(-1)} ms at most; ${starts.length - worked.length} starts were killed before`,
    ],
    late: late.map((ms) => `${ms} ms until it was back at work, ${BACK_AT_WORK_WITHIN_MS} are allowed`),
  }
}
