import type { Agent } from '../../agent/index.ts'
import { agentOf, running } from './agents.ts'
import { Daemon } from './daemon.ts'
import { IN_DOUBT_MS } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import type { FaultReport, Faults } from './fault-run.ts'
import type { Injected } from './inject.ts'
import { finished, reconcile, withFindings } from './ledger.ts'
import { serverDone } from './server-done.ts'
import type { World } from './world.ts'

/** What was done to one direction of the mail. */
export interface Inflicted {
  readonly injected: readonly Injected[]
  readonly faults: Faults
  readonly notes?: readonly string[]
  readonly findings?: readonly string[]
}

/**
 * Faults are done to those who send for clinic A, by the clock `now`; clinic B takes what comes, and a process of A that
 * meets no fault carries on with what was left.
 */
export async function whileSending(
  world: World,
  name: string,
  inflict: (now: () => Date) => Promise<Inflicted>,
): Promise<FaultReport> {
  const { a, b } = world
  await using ehr = await Ehr.start(b.dir, name)
  let ahead = 0
  const now = () => new Date(Date.now() + ahead)
  await using _b = Daemon.start(b, ehr.dir)
  await using daemon = running(await agentOf(a, world, { now }))
  const inflicted = await inflict(now)
  // What the server has is answered; the rest is what it never had.
  await serverDone(world, daemon.agent, inflicted.injected)
  ahead = IN_DOUBT_MS
  return await report(world, daemon.agent, ehr, inflicted)
}

/** Faults are done to those who receive for clinic B; at the end its daemon carries on with what was left. */
export async function whileReceiving(
  world: World,
  name: string,
  inflict: (ehr: Ehr, sender: Agent) => Promise<Inflicted>,
): Promise<FaultReport> {
  const { a, b } = world
  await using ehr = await Ehr.start(b.dir, name)
  await using sender = running(await agentOf(a, world))
  const inflicted = await inflict(ehr, sender.agent)
  await using _last = Daemon.start(b, ehr.dir)
  return await report(world, sender.agent, ehr, inflicted)
}

async function report(
  world: World,
  sender: Agent,
  ehr: Ehr,
  { injected, faults, notes = [], findings = [] }: Inflicted,
): Promise<FaultReport> {
  await finished(sender, ehr, injected)
  const reconciled = withFindings(await reconcile(world, sender, ehr, injected), findings)
  return { messages: injected.length, faults, reconciled, notes, late: [] }
}
