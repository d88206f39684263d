import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { agentOf, running } from './agents.ts'
import { Daemon } from './daemon.ts'
import { QUIET_MS } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import type { FaultReport, FaultRun } from './fault-run.ts'
import { type Injected, injectOne } from './inject.ts'
import { finished, reconcile, withFindings } from './ledger.ts'
import type { World } from './world.ts'

const MESSAGES = { short: 120, full: 10_000 }
const BYTES = 300
/** Messages sent side by side. */
const LANES = 4

/**
 * A clinic's daemon was away for a day; now the MDNs of all that it had sent lie in its mailbox at once. Each is tracked,
 * and none is answered.
 */
export const mdnFlood: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b } = world
  const [atA, atB] = [await messagesIn(world, 'a'), await messagesIn(world, 'b')]
  await using ehr = await Ehr.start(b.dir, 'mdn-flood')
  await using sender = await agentOf(a, world)
  const injected: Injected[] = []
  await using _b = running(await agentOf(b, world), ehr.dir)
  let next = 0
  const injecting = async () => {
    while (next < MESSAGES[scale]) injected.push(await injectOne(sender, { n: next++, seed, bytes: BYTES }))
  }
  await Promise.all(Array.from({ length: LANES }, injecting))
  await using mailbox = await a.folder('INBOX')
  let waiting = 0
  for (let newsAt = Date.now(); waiting < injected.length && Date.now() - newsAt < 60_000; await pause(500)) {
    const count = (await mailbox.uids()).length - atA
    if (count > waiting) newsAt = Date.now()
    waiting = count
    tell(`${waiting} MDNs of ${injected.length} lie in the mailbox`)
  }
  const start = performance.now()
  await using daemon = Daemon.start(a, join(a.dir, 'ehr'))
  await finished(sender, ehr, injected)
  const seconds = (performance.now() - start) / 1000
  await pause(QUIET_MS)
  const answers = (await messagesIn(world, 'b')) - atB - injected.length
  const { endedByItself } = await daemon.kill()
  const findings = [
    ...(answers === 0 ? [] : [`${answers} messages came back for the MDNs`]),
    ...(endedByItself === null ? [] : [endedByItself]),
  ]
  return {
    messages: injected.length,
    faults: { 'MDNs at once': waiting },
    reconciled: withFindings(await reconcile(world, sender, ehr, injected), findings),
    notes: [`tracked within ${seconds.toFixed(1)} s, ${(waiting / seconds).toFixed(0)} a second`],
    late: [],
  }
}

async function messagesIn(world: World, clinic: 'a' | 'b'): Promise<number> {
  await using folder = await world[clinic].folder('INBOX')
  return (await folder.uids()).length
}
