import type { InboxDelivery, InboxEntry, Store, Unfinished } from '../../store/index.ts'
import { type InboxTools, nameOf } from '../inbox.ts'
import { Flags } from './flags.ts'
import { borrowFolder } from './folders.ts'
import type { Mailbox } from './mailbox.ts'
import type { Pass, Wanted } from './wanted.ts'

/** Messages that a pass looks at, by how. */
export interface Agenda {
  /** New, or judged and not taken by the EHR yet. */
  readonly fresh: readonly Wanted[]
  /**
   * Opening them was begun, and the process ended before it was done: one of them may be why. They come last and alone, so
   * that the next stop counts against nobody else; first those that it happened to least often.
   */
  readonly suspects: readonly Wanted[]
  /** Not known yet when they were last looked at; first what nobody has looked at for longest. */
  readonly undetermined: readonly Wanted[]
}

/** What is in the folder and not settled. Where all of it is looked at, what is settled and was not flagged is flagged now. */
export async function inTheFolder({ mailbox, folder, flags, some, present, tools }: Pass): Promise<Agenda> {
  const { inbox } = tools.store
  const { uidValidity } = folder
  const unsettled = await inbox.unsettled(mailbox.name, uidValidity, [...present])
  if (unsettled.length === 0 && some !== undefined) return agendaOf([])
  const begun = new Map(
    (await inbox.unfinished(mailbox.name, uidValidity))
      .filter(({ uid }) => present.has(uid))
      .map((entry) => [entry.uid, entry]),
  )
  const settled = await folder.settledUids(some)
  if (settled !== null) await flagSettled(unsettled, settled)
  const wanted = (uid: number, isBegun: boolean): Wanted => ({
    name: nameOf(mailbox, folder, uid),
    uidValidity,
    uid,
    isBegun,
    wasSettled: settled?.has(uid) ?? false,
  })
  const ours = tools.byClock ? await withoutTimed([...begun.values()], flags, tools) : [...begun.values()]
  const known = agendaOf(ours.map((entry) => ({ ...entry, wanted: wanted(entry.uid, true) })))
  const never = unsettled.filter((uid) => !begun.has(uid)).map((uid) => wanted(uid, false))
  return { ...known, fresh: [...known.fresh, ...never].sort((a, b) => a.uid - b.uid) }

  /** A stop may have come between the ledger and the folder, or the server refused it then. */
  async function flagSettled(unsettled: readonly number[], flagged: ReadonlySet<number>): Promise<void> {
    const open = new Set(unsettled)
    await folder.flagSettled([...present].filter((uid) => !open.has(uid) && !flagged.has(uid)))
  }
}

/**
 * What the EHR has taken since, by the clock, is done with: durable, and then flagged. Returns what the pass has to look
 * at.
 */
async function withoutTimed(
  begun: readonly Unfinished[],
  flags: Flags,
  { store, now }: Pick<InboxTools, 'store' | 'now'>,
): Promise<readonly Unfinished[]> {
  const taken = begun.filter(({ untaken }) => untaken === 'none')
  if (taken.length > 0) {
    await store.deliveries.close(
      taken.map(({ id }) => id),
      now(),
    )
    await Promise.all(taken.map(({ uid }) => flags.seen(uid)))
  }
  return begun.filter(({ untaken }) => untaken !== 'none' && untaken !== 'timed')
}

/** Of one mailbox, without a pass over it. Throws what `ImapClient.open` throws. */
export async function flagTaken(mailbox: Mailbox, tools: InboxTools, signal?: AbortSignal): Promise<void> {
  await using borrowed = await borrowFolder(mailbox, tools, signal)
  const { folder } = borrowed
  const present = new Set(await folder.uids())
  const begun = await tools.store.inbox.unfinished(mailbox.name, folder.uidValidity)
  const flags = new Flags((uids) => folder.flagSeen(uids), borrowed.unflagged)
  await withoutTimed(
    begun.filter(({ uid }) => present.has(uid)),
    flags,
    tools,
  )
  if (flags.failure) throw flags.failure
  // Nothing was looked at for it.
  borrowed.finished(borrowed.lookedUpTo ?? undefined, borrowed.refused)
}

/**
 * What was stored and has left the folder: another client moved it away, or a change of UIDVALIDITY made it nameless. It
 * was taken in, may have been answered, and comes no more by itself (IN-10): it is finished from what was stored. Those
 * that nobody waits for are settled here.
 */
export async function leftBehind({ mailbox, folder, present, tools }: Pass): Promise<Agenda> {
  const { inbox } = tools.store
  const open: Begun[] = []
  for (const entry of await inbox.leftBehind(mailbox.name, folder.uidValidity, [...present])) {
    const { uidValidity, uid, state, attempts } = entry
    const untaken = await untakenOf(entry, inbox)
    if (tools.byClock && untaken.length > 0 && untaken.every(({ isTimed }) => isTimed)) continue
    if (state === 'stored' || untaken.length > 0) {
      const wanted = { name: nameOf(mailbox, entry, uid), uidValidity, uid, isBegun: true, wasSettled: false }
      open.push({ wanted, state, attempts, undetermined: entry.undetermined !== null })
    } else await inbox.settle(entry.id, [], tools.now())
  }
  return agendaOf(open)
}

interface Begun extends Pick<InboxEntry, 'state' | 'attempts'> {
  readonly wanted: Wanted
  readonly undetermined: boolean
}

function agendaOf(begun: readonly Begun[]): Agenda {
  const isSuspect = ({ state, attempts }: Begun) => state !== 'judged' && attempts > 0
  const calm = begun.filter((one) => !isSuspect(one))
  return {
    fresh: calm.filter(({ undetermined }) => !undetermined).map(({ wanted }) => wanted),
    suspects: begun
      .filter(isSuspect)
      .sort((a, b) => a.attempts - b.attempts)
      .map(({ wanted }) => wanted),
    undetermined: calm.filter(({ undetermined }) => undetermined).map(({ wanted }) => wanted),
  }
}

/** What the EHR has not taken of one that is judged. */
async function untakenOf(
  { id, state }: InboxEntry,
  inbox: Store['inbox'],
): Promise<readonly InboxDelivery[]> {
  return state === 'judged' ? (await inbox.deliveries(id)).filter((one) => one.state === 'pending') : []
}
