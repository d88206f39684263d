import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { seeded } from '../fuzz/mutate.ts'
import { agentOf, type RunningAgent, running } from './agents.ts'
import { Daemon } from './daemon.ts'
import { HELD_MS, QUIET_MS } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import type { FaultReport, FaultRun } from './fault-run.ts'
import { type Injected, inject, injectOne } from './inject.ts'
import { finished, reconcile, settled } from './ledger.ts'
import { WallClock } from './wall-clock.ts'
import type { World } from './world.ts'

const MESSAGES = { short: 12, full: 100 }
const BYTES = 300
/** How long an MDN takes, at the very most, from one message to the next. */
const ANSWERED_WITHIN_MS = 8000

const some = (sender: RunningAgent, count: number, seed: number): Promise<readonly Injected[]> =>
  inject(sender.agent, { count, seed, minBytes: BYTES, maxBytes: BYTES, everyMs: 0 })

/**
 * The mailbox gets another UIDVALIDITY, as when it was restored: once behind the daemon's back, once before its eyes. All
 * UIDs are void, and what was settled comes again.
 */
export const uidValidity: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { b } = world
  await using ehr = await Ehr.start(b.dir, 'uidvalidity')
  await using sender = running(await agentOf(world.a, world))
  const injected: Injected[] = []
  {
    await using _daemon = Daemon.start(b, ehr.dir)
    injected.push(...(await some(sender, MESSAGES[scale], seed)))
    await finished(sender.agent, ehr, injected)
  }
  tell('another UIDVALIDITY while nobody looks')
  await changeUidValidity(world, 1_000_001)
  injected.push(...(await some(sender, MESSAGES[scale], seed + 10_000)))
  await using _daemon = Daemon.start(b, ehr.dir)
  injected.push(await injectOne(sender.agent, { n: injected.length, seed, bytes: BYTES }))
  tell('another UIDVALIDITY while the daemon is at work')
  await changeUidValidity(world, 1_000_002)
  injected.push(...(await some(sender, MESSAGES[scale], seed + 20_000)))
  await finished(sender.agent, ehr, injected)
  await pause(QUIET_MS)
  const reconciled = await reconcile(world, sender.agent, ehr, injected, { comesAgain: true })
  return { messages: injected.length, faults: { 'another UIDVALIDITY': 2 }, reconciled, notes: [], late: [] }
}

async function changeUidValidity({ b, mail }: World, value: number): Promise<void> {
  const user = mail.mailboxes[b.domain]?.user as string
  await mail.imap.doveadm('mailbox', 'update', '-u', user, '--uid-validity', String(value), 'INBOX')
  await using folder = await b.folder('INBOX')
  if (folder.uidValidity !== String(value)) throw new Error(`UIDVALIDITY is still ${folder.uidValidity}`)
}

/**
 * Another client moves mail out of the mailbox while the daemon is killed again and again. Whatever was answered was filed;
 * once the rest is back, it is filed and answered as well.
 */
export const secondClient: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { b } = world
  const random = seeded(seed)
  await using ehr = await Ehr.start(b.dir, 'second-client')
  await using sender = running(await agentOf(world.a, world))
  await using inbox = await b.folder('INBOX')
  let coming = true
  let moved = 0
  let kills = 0
  const injecting = inject(sender.agent, {
    count: 3 * MESSAGES[scale],
    seed,
    minBytes: BYTES,
    maxBytes: 30_000,
    everyMs: 200,
  }).finally(() => {
    coming = false
  })
  const moving = async () => {
    while (coming) {
      // On a slow machine as well, some are moved that the daemon has begun with.
      const uids = moved <= ehr.count ? await inbox.uids() : []
      const uid = uids[random(Math.max(uids.length, 1))]
      if (uid !== undefined) await inbox.moveTo(uid, 'Elsewhere')
      if (uid !== undefined) moved++
      await pause(100 + random(400))
    }
  }
  const killing = async () => {
    while (coming) {
      await using daemon = Daemon.start(b, ehr.dir)
      while (coming && !daemon.isAtWork) await pause(20)
      await pause(random(1500))
      if ((await daemon.kill()).endedByItself === null) kills++
    }
  }
  const [injected] = await Promise.all([injecting, moving(), killing()])
  tell(`${moved} messages were moved away`)
  const later = await WallClock.in(world.dir, HELD_MS)
  await using _last = Daemon.start(b, ehr.dir, { env: later.env })
  await settled(sender.agent, injected, ANSWERED_WITHIN_MS)
  const withoutThem = await reconcile(world, sender.agent, ehr, injected, { comesAgain: true })
  const answeredUnfiled = withoutThem.lost.filter((id) => !withoutThem.mdnMissing.includes(id))
  const filedUnanswered = withoutThem.mdnMissing.filter((id) => !withoutThem.lost.includes(id))
  {
    await using elsewhere = await b.folder('Elsewhere')
    for (const uid of await elsewhere.uids()) await elsewhere.moveTo(uid, 'INBOX')
  }
  await finished(sender.agent, ehr, injected)
  await pause(QUIET_MS)
  const reconciled = await reconcile(world, sender.agent, ehr, injected, { comesAgain: true })
  return {
    messages: injected.length,
    faults: { 'moved away': moved, SIGKILL: kills },
    reconciled: {
      ...reconciled,
      lost: [...new Set([...reconciled.lost, ...answeredUnfiled])],
      mdnMissing: [...new Set([...reconciled.mdnMissing, ...filedUnanswered])],
    },
    notes: [`${withoutThem.lost.length} had left before they were opened, and came back`],
    late: [],
  }
}

/** The store is put back to how it was some messages ago. The EHR has left everything where it was filed. */
export const restoredStore: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { b } = world
  const [store, copy] = [join(b.dir, 'data', 'direct.db'), join(b.dir, 'backup.db')]
  await using ehr = await Ehr.start(b.dir, 'restored-store', { takes: false })
  await using sender = running(await agentOf(world.a, world))
  const injected: Injected[] = []
  {
    await using _daemon = Daemon.start(b, ehr.dir)
    injected.push(...(await some(sender, MESSAGES[scale], seed)))
    await finished(sender.agent, ehr, injected)
    using database = new DatabaseSync(store, { readOnly: true })
    await backup(database, copy)
    injected.push(...(await some(sender, MESSAGES[scale], seed + 10_000)))
    await finished(sender.agent, ehr, injected)
  }
  tell('an older store is put back')
  for (const end of ['-wal', '-shm']) await rm(`${store}${end}`, { force: true })
  await copyFile(copy, store)
  const known = new Set((await b.json(['audit'])).map(({ messageId }) => messageId))
  const forgotten = injected.filter(({ messageId }) => !known.has(messageId)).length
  injected.push(...(await some(sender, MESSAGES[scale], seed + 20_000)))
  await using _daemon = Daemon.start(b, ehr.dir)
  await finished(sender.agent, ehr, injected)
  await pause(QUIET_MS)
  const reconciled = await reconcile(world, sender.agent, ehr, injected, { comesAgain: true })
  return {
    messages: injected.length,
    faults: { 'forgotten messages': forgotten },
    reconciled,
    notes: [],
    late: [],
  }
}
