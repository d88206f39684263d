import { inTheFolder, leftBehind } from './inbox/agenda.ts'
import { borrowFolder } from './inbox/folders.ts'
import { actOn, lookAt, remember, undeterminedReport } from './inbox/look.ts'
import type { Pass, Wanted } from './inbox/wanted.ts'
import type { Handled, InboxTools, Mailbox } from './inbox.ts'
import { Patience } from './patience.ts'
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
  yield* lookAtNew([...left.fresh, ...here.suspects, ...left.suspects], patience, pass)
  // Those that were cut short have just had a turn, and are last in line.
  const cutShort = [...pass.cutShort.values()].map(({ wanted }) => ({ ...wanted, isBegun: true }))
  yield* lookAgain([...here.undetermined, ...left.undetermined, ...cutShort], pass)
  for (const { report } of pass.cutShort.values()) yield { kind: 'report', report }
  borrowed.finished()
  const [failure] = pass.refused
  if (failure) throw failure
  if (!signal?.aborted) tools.passed(mailbox, begun)
}

/** One after the other: which one stops the process is known by its attempts. */
async function* lookAtNew(all: readonly Wanted[], patience: Patience, pass: Pass): AsyncGenerator<Handled> {
  for (const wanted of all) {
    if (pass.signal?.aborted) return
    const given = patience.look()
    await using look = await lookAt(wanted, given.ms, pass)
    if (look === null) continue
    const report = undeterminedReport(look)
    if (report !== null && given.wasInVain()) {
      await remember(look, pass)
      pass.cutShort.set(wanted.name, { wanted, report })
    } else yield* actOn(look, pass)
  }
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
