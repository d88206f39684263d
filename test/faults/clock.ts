import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePorts } from '../services/process.ts'
import { agentOf } from './agents.ts'
import { Daemon } from './daemon.ts'
import { QUIET_MS, smtpAt } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import { type FaultReport, type FaultRun, Seen } from './fault-run.ts'
import { type Injected, injectOne } from './inject.ts'
import { finished, reconcile } from './ledger.ts'
import { WallClock } from './wall-clock.ts'

const BYTES = 300
const HOUR = 3_600_000
/** By how far each leap sets the clocks of both clinics; never to before their certificates were made. */
const LEAPS = [30 * HOUR, 2 * HOUR, -HOUR, 90_000, 168 * HOUR, -168 * HOUR, -24 * HOUR]
const EACH = { short: 2, full: 20 }
/** Within so long whoever looks at deadlines has looked: every two seconds. */
const LOOKS_WITHIN_MS = 2200
/** Nearer to the clock than any leap is long. */
const NEAR_MS = 60_000

/**
 * The clocks leap, ahead by more than the time limit and back, while messages are on their way: some wait in the outbox,
 * some for their receipts. All arrive, and none is called late for it.
 */
export const clockLeaps: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b } = world
  const clock = await WallClock.in(world.dir)
  const [away = 0] = await freePorts(1)
  const config = await smtpAt(a, world, away, 'clock.yaml')
  await using ehr = await Ehr.start(b.dir, 'clock')
  await using _a = Daemon.start(a, join(a.dir, 'ehr'), { env: clock.env })
  await using atB = Daemon.start(b, ehr.dir, { env: clock.env })
  await using sender = await agentOf(a, world, { now: clock.now })
  await using inVain = await agentOf(a, world, { now: clock.now, config })
  const injected: Injected[] = []
  const seen = new Seen(['a leap'])
  for (const leap of LEAPS) {
    tell(`${leap / HOUR} hours`)
    for (let i = 0; i < EACH[scale]; i++)
      // Every second one finds SMTP away, and is in the outbox when the clock leaps.
      for (const agent of [sender, inVain])
        injected.push(await injectOne(agent, { n: injected.length, seed, bytes: BYTES }))
    clock.leap(leap)
    await pause(LOOKS_WITHIN_MS)
    if (goesBy(clock, atB)) seen.add('a leap')
  }
  await finished(sender, ehr, injected)
  await pause(QUIET_MS)
  // What is on its way when the clock leaps looks as if nobody held it any more, and may be handed over again (IN-10).
  const reconciled = await reconcile(world, sender, ehr, injected, { comesAgain: true })
  return { messages: injected.length, faults: seen.faults, reconciled, notes: [], late: [] }
}

/** Whether what the daemon said last was said by the time of this clock. */
function goesBy(clock: WallClock, daemon: Daemon): boolean {
  const said = daemon.lines.at(-1)
  return said !== undefined && Math.abs(Date.parse(String(said.time)) - clock.now().getTime()) < NEAR_MS
}
