import { setTimeout as pause } from 'node:timers/promises'
import { seeded } from '../fuzz/mutate.ts'
import { startPostgres } from '../services/postgres.ts'
import { agentOf, running } from './agents.ts'
import { Daemon } from './daemon.ts'
import { HELD_MS, QUIET_MS } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import { type FaultReport, type FaultRun, Seen } from './fault-run.ts'
import { inject } from './inject.ts'
import { finished, reconcile, withFindings } from './ledger.ts'
import { reconcileSent, sendOut, setAside, withSent } from './outgoing.ts'
import { sharedClinic, UNREACHABLE } from './shared-clinic.ts'

const MESSAGES = { short: 40, full: 2000 }
/** Sent by the clinic that the faults are done to, one for so many that come in. */
const ONE_OUT_FOR = 4
const EVERY_MS = { short: 100, full: 100 }
const SIZES = [600, 73_000] as const
/** How long nothing is done to the two daemons, in milliseconds, drawn by the seed. */
const REST = { short: [500, 2000], full: [1000, 7000] } as const
/** Longer than a lease: the other daemon takes over from one that has not died. */
const ASLEEP_MS = 40_000
/** Of so many faults in the full form one is sleep. */
const ONE_SLEEP_IN = 25

/**
 * Two daemons of one clinic share a PostgreSQL database, a mailbox and the folder of the EHR. Either is killed, or put to
 * sleep for longer than its lease, again and again, while messages come in and go out; then both may finish, and
 * everything is counted.
 */
export const twoDaemons: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const random = seeded(seed)
  await using server = await startPostgres({ durable: true })
  const { clinic: b, outlast } = await sharedClinic(world, server)
  await using ehr = await Ehr.start(b.dir, 'two-daemons')
  await using ehrOfA = await Ehr.start(world.a.dir, 'two-daemons')
  await using sender = running(await agentOf(world.a, world), ehrOfA.dir)
  await using victim = await agentOf(b, world, { config: UNREACHABLE })
  const seen = new Seen(scale === 'full' ? ['SIGKILL', 'SIGSTOP'] : ['SIGKILL'])
  const ends: string[] = []
  let coming = true
  const count = MESSAGES[scale]
  const injecting = Promise.all([
    inject(sender.agent, {
      ...{ count, seed, minBytes: SIZES[0], maxBytes: SIZES[1], everyMs: EVERY_MS[scale] },
    }),
    sendOut(victim, {
      ...{ count: count / ONE_OUT_FOR, seed, bytes: SIZES[0], everyMs: EVERY_MS[scale] * ONE_OUT_FOR },
    }),
  ]).finally(() => {
    coming = false
  })
  const daemons = [Daemon.start(b, ehr.dir), Daemon.start(b, ehr.dir)]
  const breaking = async () => {
    const [least, most] = REST[scale]
    await Promise.all(daemons.map((daemon) => daemon.atWork()))
    for (let n = 0; coming || n < 2; n++) {
      await pause(least + random(most - least + 1))
      const which = random(daemons.length)
      if (scale === 'full' && n % ONE_SLEEP_IN === ONE_SLEEP_IN - 1) {
        await daemons[which]?.sleep(ASLEEP_MS)
        seen.add('SIGSTOP')
      } else {
        const end = (await daemons[which]?.kill())?.endedByItself
        if (end == null) seen.add('SIGKILL')
        else ends.push(end)
        daemons[which] = Daemon.start(b, ehr.dir)
      }
      tell(`${n + 1} faults, ${ehr.count} messages filed`)
    }
  }
  const [[injected, sent]] = await Promise.all([injecting, breaking()])
  await outlast(HELD_MS)
  await finished(sender.agent, ehr, injected)
  await finished(victim, ehrOfA, sent)
  await pause(QUIET_MS)
  for (const daemon of daemons) {
    const end = (await daemon.kill()).endedByItself
    if (end !== null) ends.push(end)
  }
  await setAside(world.a, sent)
  const arrived = await reconcile({ ...world, b }, sender.agent, ehr, injected)
  return {
    messages: injected.length + sent.length,
    faults: seen.faults,
    reconciled: withFindings(withSent(arrived, await reconcileSent(victim, ehrOfA, sent)), ends),
    notes: [`${sent.length} of the messages went out by what both share`],
    late: [],
  }
}
