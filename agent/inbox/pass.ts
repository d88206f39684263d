import type { SomeUids } from '../../mailbox/index.ts'
import type { InboxTools, Mailbox } from '../inbox.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import { lookAgain } from './again.ts'
import { inTheFolder, leftBehind } from './agenda.ts'
import { actOnFirst, firstLook } from './first-look.ts'
import { Flags } from './flags.ts'
import { type BorrowedFolder, borrowFolder } from './folders.ts'
import { Patience } from './patience.ts'
import { sideBySide } from './side-by-side.ts'
import type { Pass, Take, Wanted } from './wanted.ts'

/** UIDs that a command names one by one. */
const MOST_NAMED = 500

/**
 * One pass over a mailbox: each new message is stored as it came, opened, judged, recorded; then refused ones go
 * aside, notifications are tracked, and trusted ones are taken. Every step is durable before the next (IN-9, IN-10).
 * New mail is waited for briefly, and comes before what is undetermined: anybody can send mail whose certificates name
 * hosts that never answer. What was stored and has left the folder since is finished all the same. A message that the
 * server will not hand over, move or flag stops no other, and what became of those is told: its failure is thrown at the end.
 */
export async function* passOver(
  mailbox: Mailbox,
  tools: InboxTools,
  take: Take,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  using _ = await tools.alone(mailbox, signal)
  const begun = tools.now()
  await using borrowed = await borrowFolder(mailbox, tools, signal)
  const { folder } = borrowed
  const flags = new Flags((uids) => folder.flagSeen(uids), borrowed.unflagged)
  const opened = { ...tools, ...(await tools.opening()) }
  const some = await someOf(mailbox, borrowed, opened)
  const present = new Set(await folder.uids(some))
  const pass: Pass = {
    mailbox,
    folder,
    flags,
    some,
    present,
    tools: opened,
    take,
    signal,
    refused: [],
    lostAt: borrowed.lostAt,
    cutShort: new Map(),
  }
  const here = await inTheFolder(pass)
  const patience = new Patience()
  const mayLose = here.fresh.filter(({ uid }) => pass.lostAt.has(uid))
  const fresh = here.fresh.filter((wanted) => !mayLose.includes(wanted))
  folder.willFetch?.(fresh.filter(({ isBegun }) => !isBegun).map(({ uid }) => uid))
  yield* sideBySide(fresh, patience, pass)
  // What has come again under another UIDVALIDITY is settled by now.
  const left = await leftBehind(pass)
  yield* sideBySide(left.fresh, patience, pass)
  yield* eachAlone([...here.suspects, ...left.suspects], patience, pass)
  // Those that were cut short have just had a turn, and are last in line.
  const cutShort = [...pass.cutShort.values()].map(({ wanted }) => ({ ...wanted, isBegun: true }))
  yield* lookAgain([...here.undetermined, ...left.undetermined, ...cutShort], pass)
  for (const { report } of pass.cutShort.values()) yield report
  // A server that ends the connection at a message, each time, keeps no other back.
  yield* eachAlone(mayLose, patience, pass)
  // It is done with: every pass would be too often.
  const owed = some === undefined && !signal?.aborted ? await flags.again() : null
  const upTo = Math.max(borrowed.lookedUpTo ?? 0, ...[...present].slice(-1))
  const refused = pass.refused.map(({ uid }) => uid)
  // A folder that did not flag is not kept: the next pass opens it anew.
  if (flags.failure === null) {
    if (signal?.aborted) borrowed.finished()
    else borrowed.finished(upTo, refused)
  }
  if (pass.refused.length === 0 && !signal?.aborted) tools.passed(mailbox, begun)
  const failure = pass.refused[0]?.error ?? flags.failure ?? owed
  if (failure) throw failure
}

/** What is new, what is open in the ledger, and what was refused; undefined: everything, as it is not known what is new. */
async function someOf(
  mailbox: Mailbox,
  { folder: { uidValidity }, lookedUpTo, refused }: BorrowedFolder,
  { store }: InboxTools,
): Promise<SomeUids | undefined> {
  if (lookedUpTo === null) return undefined
  const open = await store.inbox.unfinished(mailbox.name, uidValidity)
  const among = new Set([...open.map(({ uid }) => uid), ...refused])
  if (among.size > MOST_NAMED) return undefined
  return { from: lookedUpTo + 1, among: [...among] }
}

/** One after the other: nobody else is open when one stops the process. */
async function* eachAlone(
  all: readonly Wanted[],
  patience: Patience,
  pass: Pass,
): AsyncGenerator<ReceiveReport> {
  for (const wanted of all) {
    if (pass.signal?.aborted) return
    const first = await firstLook(wanted, patience, pass)
    await using _ = first.look
    yield* await actOnFirst(first, pass)
  }
}
