import type { SomeUids } from '../mailbox/index.ts'
import { inOrder } from './book/in-order.ts'
import { inTheFolder, leftBehind } from './inbox/agenda.ts'
import { Flags } from './inbox/flags.ts'
import { type BorrowedFolder, borrowFolder } from './inbox/folders.ts'
import { actOn, type Look, lookAt, remember, undeterminedReport } from './inbox/look.ts'
import { Turns } from './inbox/turns.ts'
import type { Pass, Wanted } from './inbox/wanted.ts'
import type { Handled, InboxTools, Mailbox, Offer } from './inbox.ts'
import { isNotification } from './mdn.ts'
import { Patience } from './patience.ts'
import type { ReceiveReport } from './receiving-types.ts'
import { PATIENCE_MS } from './trust/judge.ts'

/** For messages that were undetermined before, in one pass: what comes in meanwhile waits no longer for its turn. */
const AGAIN_MS = 60_000
/** Messages that are looked at again side by side. */
const ABREAST = 16
/** New messages that are opened, acted upon and taken side by side. */
const NEW_ABREAST = 8

/** UIDs that a command names one by one. */
const MOST_NAMED = 500

/** Takes an offer at once, and says what became of it; null: nothing that is told. */
export type Take = (offer: Offer) => Promise<ReceiveReport | null>

/**
 * One pass over a mailbox: each new message is stored as it came, opened, judged, recorded; then refused ones go
 * aside, notifications are tracked, and trusted ones are offered. Every step is durable before the next (IN-9, IN-10).
 * New mail is waited for briefly, and comes before what is undetermined: anybody can send mail whose certificates name
 * hosts that never answer. What was stored and has left the folder since is finished all the same. A message that the
 * server will not hand over stops no other: its failure is thrown at the end.
 * With `take` nothing is offered: several messages are taken at once, and reports come in the messages' order.
 */
export function passOver(
  mailbox: Mailbox,
  tools: InboxTools,
  signal: AbortSignal | undefined,
  take: Take,
): AsyncGenerator<Extract<Handled, { kind: 'report' }>>
export function passOver(mailbox: Mailbox, tools: InboxTools, signal?: AbortSignal): AsyncGenerator<Handled>
export async function* passOver(
  mailbox: Mailbox,
  tools: InboxTools,
  signal?: AbortSignal,
  take: Take | null = null,
): AsyncGenerator<Handled> {
  using _ = await tools.alone(mailbox, signal)
  const begun = tools.now()
  await using borrowed = await borrowFolder(mailbox, tools, signal)
  const { folder } = borrowed
  const flags = new Flags((uids) => folder.flagSeen(uids))
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
    signal,
    refused: [],
    cutShort: new Map(),
  }
  const here = await inTheFolder(pass)
  const patience = new Patience()
  folder.willFetch(here.fresh.filter(({ isBegun }) => !isBegun).map(({ uid }) => uid))
  const lookAtNew = (all: readonly Wanted[]) =>
    take === null ? oneByOne(all, patience, pass) : abreast(all, patience, pass, take)
  yield* lookAtNew(here.fresh)
  // What has come again under another UIDVALIDITY is settled by now.
  const left = await leftBehind(pass)
  yield* lookAtNew(left.fresh)
  yield* taken(oneByOne([...here.suspects, ...left.suspects], patience, pass, 'alone'), take)
  // Those that were cut short have just had a turn, and are last in line.
  const cutShort = [...pass.cutShort.values()].map(({ wanted }) => ({ ...wanted, isBegun: true }))
  yield* taken(lookAgain([...here.undetermined, ...left.undetermined, ...cutShort], pass), take)
  for (const { report } of pass.cutShort.values()) yield { kind: 'report', report }
  const [failure] = pass.refused
  if (failure || signal?.aborted) borrowed.finished()
  else borrowed.finished(Math.max(borrowed.lookedUpTo ?? 0, ...[...present].slice(-1)))
  if (failure) throw failure
  if (!signal?.aborted) tools.passed(mailbox, begun)
}

/** What is new, and what is open in the ledger; undefined: everything, as it is not known what is new. */
async function someOf(
  mailbox: Mailbox,
  { folder: { uidValidity }, lookedUpTo }: BorrowedFolder,
  { store }: InboxTools,
): Promise<SomeUids | undefined> {
  if (lookedUpTo === null) return undefined
  const open = await store.inbox.unfinished(mailbox.name, uidValidity)
  if (open.length > MOST_NAMED) return undefined
  return { from: lookedUpTo + 1, among: open.map(({ uid }) => uid) }
}

/**
 * One after the other; the next is fetched and opened while one is acted upon, unless each is to be `alone`: then nobody
 * else is open when one stops the process.
 */
async function* oneByOne(
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

/** Several at once. The same message twice, and what one author says of ours, is acted upon in the order of the folder. */
async function* abreast(
  all: readonly Wanted[],
  patience: Patience,
  pass: Pass,
  take: Take,
): AsyncGenerator<Handled> {
  const turns = new Turns()
  const act = async ({ wanted, look, cutShort }: FirstLook): Promise<readonly Handled[]> => {
    await using _ = look
    if (look === null) return []
    if (cutShort === null)
      return await turns.take(turnOf(look), () => Array.fromAsync(taken(actOn(look, pass), take)))
    await remember(look, pass)
    pass.cutShort.set(wanted.name, { wanted, report: cutShort })
    return []
  }
  /** All who are ahead have asked for their turn. */
  let ahead: Promise<unknown> = Promise.resolve()
  const work = async (wanted: Wanted) => {
    const looking = firstLook(wanted, patience, pass)
    const begun = Promise.allSettled([ahead, looking]).then(async () => ({ acting: act(await looking) }))
    ahead = begun.catch(() => undefined)
    return await (await begun).acting
  }
  for await (const handled of inOrder(untilStopped(all, pass), work, { ahead: NEW_ABREAST })) yield* handled
}

function* untilStopped(all: readonly Wanted[], { signal }: Pass): Generator<Wanted> {
  for (const one of all) {
    if (signal?.aborted) return
    yield one
  }
}

function turnOf({ name, judged }: Look): string {
  if (typeof judged === 'string') return name
  const { facts, innerSha256 } = judged
  const isReport = facts !== null && isNotification(facts)
  return isReport ? `said by ${facts.from.mailboxes[0]?.address.key}` : (innerSha256 ?? name)
}

/** Offers are taken, where they are. */
async function* taken(all: AsyncIterable<Handled>, take: Take | null): AsyncGenerator<Handled> {
  for await (const handled of all) {
    const report = take === null || handled.kind === 'report' ? handled : reportOf(await take(handled.offer))
    if (report !== null) yield report
  }
}

function reportOf(report: ReceiveReport | null): Handled | null {
  return report === null ? null : { kind: 'report', report }
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
