import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { seeded } from '../fuzz/mutate.ts'
import { agentOf, running } from './agents.ts'
import { Daemon, type Life } from './daemon.ts'
import { HELD_MS, QUIET_MS } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import { type FaultReport, type FaultRun, Seen } from './fault-run.ts'
import { inject } from './inject.ts'
import { finished, reconcile, withFindings } from './ledger.ts'
import { WallClock } from './wall-clock.ts'

/** How long the daemon lives, in milliseconds, drawn by the seed. */
const LIVES = { least: 1000, most: 7000 }
/** In the short form it dies while it starts, and then when it has been at work for so long, in turns. */
const SHORT_LIVES = { starting: 1000, atWork: 700 }
const MESSAGES = { short: 100, full: process.env.FULL === '1' ? 10_000 : 2000 }
/** While one message in so many milliseconds comes in. */
const EVERY_MS = { short: 60, full: 100 }
const SIZES = [600, 73_000] as const
const BACK_AT_WORK_WITHIN_MS = 5000

/**
 * `kill -9` of `direct run`, again and again, while messages of 1 to 100 KB come in; then it may finish, and everything
 * is counted. The short form kills more often, for its messages are few.
 */
export const killLoop: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const random = seeded(seed)
  await using ehr = await Ehr.start(world.b.dir, 'kill-loop')
  await using sender = running(await agentOf(world.a, world))
  const restarts: Restart[] = []
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
  const killing = async () => {
    while (coming) {
      await using daemon = Daemon.start(world.b, ehr.dir)
      if (scale === 'full') await pause(LIVES.least + random(LIVES.most - LIVES.least + 1))
      else if (restarts.length % 2 === 0) await pause(random(SHORT_LIVES.starting))
      else await daemon.atWork().then(() => pause(random(SHORT_LIVES.atWork)))
      restarts.push({ ...(await daemon.kill()), load: loadavg()[0] ?? 0 })
      tell(`${restarts.length} kills, ${ehr.count} messages filed`)
    }
  }
  const [injected] = await Promise.all([injecting, killing()])
  const later = await WallClock.in(world.dir, HELD_MS)
  await using last = Daemon.start(world.b, ehr.dir, { env: later.env })
  await finished(sender.agent, ehr, injected)
  await pause(QUIET_MS)
  const { endedByItself } = await last.kill()
  const reconciled = await reconcile(world, sender.agent, ehr, injected)
  const ends = [...restarts.map((restart) => restart.endedByItself), endedByItself]
  return {
    messages: injected.length,
    faults: faultsIn(restarts),
    reconciled: withFindings(
      reconciled,
      ends.filter((end) => end !== null),
    ),
    notes: [backAtWork(restarts)],
    late: lateIn(restarts),
  }
}

interface Restart extends Life {
  /** Of the machine when it was killed, over a minute. */
  readonly load: number
}

function faultsIn(restarts: readonly Restart[]): FaultReport['faults'] {
  const seen = new Seen(['SIGKILL at work'])
  const others = new Seen<string>([])
  for (const { endedByItself, workingAfterMs } of restarts)
    if (endedByItself === null && workingAfterMs !== null) seen.add('SIGKILL at work')
    else if (endedByItself === null) others.add('SIGKILL before')
  return { ...seen.faults, ...others.faults }
}

function backAtWork(restarts: readonly Restart[]): string {
  const [after, loads] = [
    restarts.map(({ workingAfterMs }) => workingAfterMs).filter((ms) => ms !== null),
    restarts.map(({ load }) => load),
  ].map((list) => list.sort((one, other) => one - other)) as [number[], number[]]
  const [median, load] = [after, loads].map((list) => list[list.length >> 1])
  return `back at work after ${median} ms, ${after.at(-1)} ms at most, at a load of ${load?.toFixed(1)} (${loads.at(-1)?.toFixed(1)} at most)`
}

/** A daemon that was killed before its time was up is not late. */
function lateIn(restarts: readonly Restart[]): string[] {
  return restarts
    .filter(({ livedMs, workingAfterMs }) => (workingAfterMs ?? livedMs) > BACK_AT_WORK_WITHIN_MS)
    .map(
      ({ livedMs, workingAfterMs, load }) =>
        `${workingAfterMs === null ? `not within ${livedMs}` : workingAfterMs} ms back at work at a load of ${load.toFixed(1)}; ${BACK_AT_WORK_WITHIN_MS} ms are allowed`,
    )
}
