import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { seeded } from '../fuzz/mutate.ts'
import { mountSmallDisk, type SmallDisk } from '../services/small-disk.ts'
import { agentOf, type RunningAgent, running } from './agents.ts'
import { cliMessage } from './cli-message.ts'
import { Daemon } from './daemon.ts'
import { Ehr } from './ehr.ts'
import { type FaultOptions, type FaultReport, type FaultRun, Seen } from './fault-run.ts'
import { type Injected, injectOne } from './inject.ts'
import { reconcile, settled, withFindings } from './ledger.ts'
import type { World } from './world.ts'

const MEGABYTES = { short: 12, full: 48 }
const BYTES = 20_000
/** How much room is left, while a message is sent. */
const LEAVING = {
  short: [0, 16_384, 65_536],
  full: Array.from({ length: 48 }, (_, blocks) => blocks * 4096),
}
const ROUNDS = { short: 3, full: 15 }
/** Messages that come while there is room, and again while there is none. */
const EACH = 3
/** For as long a daemon is left on a full disk at most, and for a moment once it was told. */
const FULL_MS = { most: 2500, told: 300 }
const KINDS = ['send was refused', 'a daemon was told', 'SIGKILL', 'a start on a full disk'] as const
const CONFIG = 'full-disk.yaml'

/**
 * The disk is full, and then it has room again. First that of who sends: `send` says so, and the same again sends the
 * message once. Then that of who receives, store and folder alike: the daemon goes on by itself, or is killed and started
 * while there is no room.
 */
export const fullDisk: FaultRun = async (world, options): Promise<FaultReport> => {
  const { a, b, dir } = world
  await using diskA = await mountSmallDisk(join(dir, 'disk-a'), MEGABYTES[options.scale])
  await using diskB = await mountSmallDisk(join(dir, 'disk-b'), MEGABYTES[options.scale])
  for (const [clinic, disk] of [
    [a, diskA],
    [b, diskB],
  ] as const)
    await clinic.variant(CONFIG, { 'dataDir: ./data': `dataDir: ${join(disk.dir, 'data')}` })
  await using ehr = await Ehr.start(diskB.dir, 'ehr')
  await using sender = running(await agentOf(a, world, { config: CONFIG }))
  const run: Run = { ...options, world, sender, seen: new Seen(KINDS), injected: [], findings: [] }
  // So that its store is open.
  run.injected.push(await injectOne(sender.agent, { n: 0, seed: options.seed, bytes: BYTES }))
  await sendOn(diskA, run)
  await receiveOn(diskB, ehr, run)
  const reconciled = await reconcile(world, sender.agent, ehr, run.injected, { config: CONFIG })
  return {
    messages: run.injected.length,
    faults: run.seen.faults,
    reconciled: withFindings(reconciled, run.findings),
    notes: [],
    late: [],
  }
}

interface Run extends FaultOptions {
  readonly world: World
  readonly sender: RunningAgent
  readonly seen: Seen<(typeof KINDS)[number]>
  readonly injected: Injected[]
  readonly findings: string[]
}

async function sendOn(
  disk: SmallDisk,
  { world, scale, seed, tell, seen, injected, findings }: Run,
): Promise<void> {
  const { a } = world
  for (const leaving of LEAVING[scale]) {
    tell(`send with ${leaving} bytes left`)
    const n = injected.length
    const { words, sent } = await cliMessage(a, { n, seed, bytes: BYTES, config: CONFIG })
    await disk.fill(leaving)
    const refused = await a.run(words)
    await disk.empty()
    if (refused.code === 75 && refused.stdout === '') seen.add('send was refused')
    if (refused.code !== 0 && (refused.code !== 75 || !/\broom\b/.test(refused.stderr)))
      findings.push(`send with ${leaving} bytes left ends with ${refused.code}: ${refused.stderr}`)
    injected.push(sent(await a.run(words)))
  }
}

async function receiveOn(
  disk: SmallDisk,
  ehr: Ehr,
  { world, sender, scale, seed, tell, seen, injected, findings }: Run,
): Promise<void> {
  const random = seeded(seed)
  const start = () => Daemon.start(world.b, ehr.dir, { config: CONFIG })
  const send = async () => {
    for (let i = 0; i < EACH; i++)
      injected.push(await injectOne(sender.agent, { n: injected.length, seed, bytes: BYTES }))
  }
  const end = async (daemon: Daemon) => {
    const { endedByItself } = await daemon.kill()
    if (endedByItself === null) seen.add('SIGKILL')
    else if (!endedByItself.includes('with 75')) findings.push(endedByItself)
  }
  for (let round = 0; round < ROUNDS[scale]; round++) {
    tell(`${round + 1} of ${ROUNDS[scale]} times full while messages come in`)
    await using daemon = start()
    await send()
    await settled(sender.agent, injected)
    await disk.fill(random(32) * 4096)
    await send()
    if (await told(daemon)) seen.add('a daemon was told')
    if (round % 2 === 0) {
      await disk.empty()
      await settled(sender.agent, injected)
      await end(daemon)
      continue
    }
    await end(daemon)
    await using onFull = start()
    await told(onFull)
    await end(onFull)
    seen.add('a start on a full disk')
    await disk.empty()
    await using last = start()
    await settled(sender.agent, injected)
    await end(last)
  }
  await using last = start()
  await ehr.given(injected.length)
  await end(last)
}

/** Leaves a daemon on a full disk; whether it was told that it is full. */
async function told(daemon: Daemon): Promise<boolean> {
  const isTold = () => daemon.lines.some(({ code }) => TOLD.has(String(code)))
  for (const start = Date.now(); !isTold() && Date.now() - start < FULL_MS.most; ) await pause(50)
  await pause(FULL_MS.told)
  return isTold()
}

/** What a daemon says of a disk. */
const TOLD: ReadonlySet<string> = new Set(['STORE_FAILED', 'FILE_UNWRITABLE'])
