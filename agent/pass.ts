import { inTheFolder, leftBehind } from './inbox/agenda.ts'
import { borrowFolder } from './inbox/folders.ts'
import { actOn, type Look, lookAt, remember, undeterminedReport } from './inbox/look.ts'
import type { Pass, Wanted } from './inbox/wanted.ts'
import type { Handled, InboxTools, Mailbox } from './inbox.ts'
import { Patience } from './patience.ts'
import type { ReceiveReport } from './receiving-types.ts'
import { PATIENCE_MS } from './trust/judge.ts'

/** For messages that were undetermined before, in one pass: what comes in meanwhile waits no longer for its turn. */
const AGAIN_MS = 60_000
/** Messages that are looked at again side by side. */
const ABREAST = 16

/**
 * One pass over a mailbox: each new message is stored as it came, opened, judged, recorded; then refused ones go
 * aside, notifications are tracked, and trusted ones are offered. Every step is durable before the next (IN-9, IN-10).
 * New mail is waited for briefly, and comes before what is undetermined: anybody can send mail whose certificates name
 * hosts that never answer. What was stored and has left the folder since is finished all the same. A message that the
 * server will not hand over stops no other: its failure is thrown at the end.
 */
export async function* passOver(
  mailbox: Mailbox,
  tools: InboxTools,
  signal?: AbortSignal,
): AsyncGenerator<Handled> {
  using _ = await tools.alone(mailbox, signal)
  const begun = tools.now()
  await using borrowed = await borrowFolder(mailbox, tools, signal)
  const { folder } = borrowed
  const opened = { ...tools, ...(await tools.opening()) }
  const present = new Set(await folder.uids())
  const pass: Pass = { mailbox, folder, present, tools: opened, signal, refused: [], cutShort: new Map() }
  const here = await inTheFolder(pass)
  const patience = new Patience()
  yield* lookAtNew(here.fresh, patience, pass)
  // What has come again under another UIDVALIDITY is settled by now.
  const left = await leftBehind(pass)
  yield* lookAtNew(left.fresh, patience, pass)
  yield* lookAtNew([...here.suspects, ...left.suspects], patience, pass, 'alone')
  // Those that were cut short have just had a turn, and are last in line.
  const cutShort = [...pass.cutShort.values()].map(({ wanted }) => ({ ...wanted, isBegun: true }))
  yield* lookAgain([...here.undetermined, ...left.undetermined, ...cutShort], pass)
  for (const { report } of pass.cutShort.values()) yield { kind: 'report', report }
  borrowed.finished()
  const [failure] = pass.refused
  if (failure) throw failure
  if (!signal?.aborted) tools.passed(mailbox, begun)
}

/**
 * One after the other; the next is fetched and opened while one is acted upon, unless each is to be `alone`: then nobody
 * else is open when one stops the process.
 */
async function* lookAtNew(
  all: readonly Wanted[],
  patience: Patience,
  pass: Pass,
  alone: 'alone' | 'abreast' = 'abreast',
): AsyncGenerator<Handled> {
  const open = (wanted: Wanted | undefined) => {
    if (wanted === undefined || pass.signal?.aborted) return null
    const opening = firstLook(wanted, patience, pass)
    // It is awaited when its turn comes.
    opening.catch(() => undefined)
    return opening
  }
  const waiting = [...all]
  let next = open(waiting.shift())
  try {
    while (next !== null) {
      const { wanted, look, cutShort } = await next
      next = alone === 'alone' ? null : open(waiting.shift())
      await using _ = look
      if (look !== null && cutShort !== null) {
        await remember(look, pass)
        pass.cutShort.set(wanted.name, { wanted, report: cutShort })
      } else if (look !== null) yield* actOn(look, pass)
      if (alone === 'alone') next = open(waiting.shift())
    }
  } finally {
    await leaveAlone(next, pass)
  }
}

interface FirstLook {
  readonly wanted: Wanted
  readonly look: Look | null
  /** More patience might make it known. */
  readonly cutShort: ReceiveReport | null
}

async function firstLook(wanted: Wanted, patience: Patience, pass: Pass): Promise<FirstLook> {
  const given = patience.look()
  const look = await lookAt(wanted, given.ms, pass)
  const report = look && undeterminedReport(look)
  return { wanted, look, cutShort: report !== null && given.wasInVain() ? report : null }
}

/** Opened, and its turn does not come: that is no failed attempt. */
async function leaveAlone(opening: Promise<FirstLook> | null, { tools }: Pass): Promise<void> {
  const unused = await opening?.catch(() => null)
  if (!unused?.look) return
  await using look = unused.look
  if (look.entry.state !== 'judged') await tools.store.inbox.spared(look.entry.id)
}

/** Side by side: each was opened before and did no harm, and nearly all of the time is spent on waiting. */
async function* lookAgain(all: readonly Wanted[], pass: Pass): AsyncGenerator<Handled> {
  const { undetermined, now } = pass.tools
  const due = all.filter(({ name }) => undetermined.isDue(name, now()))
  const until = performance.now() + AGAIN_MS
  while (due.length > 0 && performance.now() < until) {
    if (pass.signal?.aborted) return
    await using scope = new AsyncDisposableStack()
    const looks = await Promise.allSettled(
      due.splice(0, ABREAST).map(async (wanted) => {
        const look = await lookAt(wanted, PATIENCE_MS, pass)
        return look && scope.use(look)
      }),
    )
    for (const look of looks) if (look.status === 'fulfilled' && look.value) yield* actOn(look.value, pass)
    const failure = looks.find(({ status }) => status === 'rejected')
    if (failure?.status === 'rejected') throw failure.reason
  }
}
