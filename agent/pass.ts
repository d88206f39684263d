import type { ImapFolder } from '../mailbox/index.ts'
import type { InboxEntry } from '../store/index.ts'
import { MOST_ATTEMPTS, POISON, POISON_REPORT, putAside } from './aside.ts'
import { DirectError } from './errors.ts'
import {
  type Handled,
  handle,
  type InboxTools,
  type Mailbox,
  nameOf,
  openEntry,
  type PassTools,
  rawOf,
} from './inbox.ts'
import { describeReceived, undecidedOf } from './open/report.ts'
import type { Judged } from './open/verdict.ts'
import { Patience } from './patience.ts'
import type { ReceiveReport } from './receiving-types.ts'
import { PATIENCE_MS } from './trust/judge.ts'
import { isOverdue, sinceWhen } from './undetermined.ts'

/** For messages that were undetermined before, in one pass: what comes in meanwhile waits no longer for its turn. */
const AGAIN_MS = 60_000
/** Messages that are looked at again side by side. */
const ABREAST = 16

/**
 * One pass over a mailbox: each new message is stored as it came, opened, judged, recorded; then refused ones go
 * aside, notifications are tracked, and trusted ones are offered. Every step is durable before the next (IN-9, IN-10).
 * New mail is waited for briefly, and comes before what is undetermined: anybody can send mail whose certificates name
 * hosts that never answer. A message that the server will not hand over stops no other: its failure is thrown at the end.
 */
export async function* passOver(
  mailbox: Mailbox,
  tools: InboxTools,
  signal?: AbortSignal,
): AsyncGenerator<Handled> {
  const { inbox } = tools.store
  using _ = await tools.alone(mailbox, signal)
  await using folder = await tools.imap.open(mailbox.server, mailbox.settings.folder, signal)
  const unsettled = new Set(await inbox.unsettled(mailbox.name, folder.uidValidity, await folder.uids()))
  const opened = { ...tools, ...(await tools.opening()) }
  const pass: Pass = { mailbox, folder, tools: opened, signal, refused: [], cutShort: new Map() }
  const waiting = new Set(await inbox.undeterminedUids(mailbox.name, folder.uidValidity))
  const fresh = [...unsettled].filter((uid) => !waiting.has(uid))
  yield* lookAtNew(fresh, pass)
  // Those that were cut short have just had a turn, and are last in line.
  const again = [...waiting].filter((uid) => unsettled.has(uid))
  yield* lookAgain([...again, ...pass.cutShort.keys()], pass)
  for (const report of pass.cutShort.values()) yield { kind: 'report', report }
  const [failure] = pass.refused
  if (failure) throw failure
}

interface Pass {
  readonly mailbox: Mailbox
  readonly folder: ImapFolder
  readonly tools: PassTools
  readonly signal: AbortSignal | undefined
  /** What the server said of messages that it will not hand over. */
  readonly refused: DirectError[]
  /** New messages, by UID, that more patience might make known. */
  readonly cutShort: Map<number, ReceiveReport>
}

/** A message that was opened and not yet acted on. `poison`: it was not, as it stops the process each time. */
interface Look extends AsyncDisposable {
  readonly uid: number
  readonly entry: InboxEntry
  readonly judged: Judged | 'poison'
}

/** One after the other: which one stops the process is known by its attempts. */
async function* lookAtNew(uids: readonly number[], pass: Pass): AsyncGenerator<Handled> {
  const patience = new Patience()
  for (const uid of uids) {
    if (pass.signal?.aborted) return
    const given = patience.look()
    await using look = await lookAt(uid, given.ms, pass)
    if (look === null) continue
    const report = undeterminedReport(look)
    if (report !== null && given.wasInVain()) {
      await remember(look, pass)
      pass.cutShort.set(uid, report)
    } else yield* actOn(look, pass)
  }
}

/** Side by side: each was opened before and did no harm, and nearly all of the time is spent on waiting. */
async function* lookAgain(uids: readonly number[], pass: Pass): AsyncGenerator<Handled> {
  const { mailbox, folder, tools } = pass
  const due = uids.filter((uid) => tools.undetermined.isDue(nameOf(mailbox, folder, uid), tools.now()))
  const until = performance.now() + AGAIN_MS
  while (due.length > 0 && performance.now() < until) {
    if (pass.signal?.aborted) return
    await using scope = new AsyncDisposableStack()
    const looks = await Promise.allSettled(
      due.splice(0, ABREAST).map(async (uid) => {
        const look = await lookAt(uid, PATIENCE_MS, pass)
        return look && scope.use(look)
      }),
    )
    for (const look of looks) if (look.status === 'fulfilled' && look.value) yield* actOn(look.value, pass)
    const failure = looks.find(({ status }) => status === 'rejected')
    if (failure?.status === 'rejected') throw failure.reason
  }
}

/** Null: the message is not to be had. */
async function lookAt(uid: number, patienceMs: number, pass: Pass): Promise<Look | null> {
  const { mailbox, folder, tools, refused, signal } = pass
  const { inbox } = tools.store
  const entry = await inbox.entry(mailbox.name, folder.uidValidity, uid)
  await using scope = new AsyncDisposableStack()
  const raw = await rawOf(entry, folder, tools).catch((error) => {
    if (!(error instanceof DirectError && error.code === 'IMAP_REFUSED')) throw error
    refused.push(error)
    return null
  })
  if (raw === null) return null
  scope.use(raw)
  if (entry.state !== 'judged' && (await inbox.attempted(entry.id)) > MOST_ATTEMPTS)
    return { uid, entry, judged: 'poison', async [Symbol.asyncDispose]() {} }
  const bounds = { patienceMs, isLastLook: isOverdue(entry, tools.now()) }
  const judged = await openEntry(raw, entry, mailbox, tools, bounds, signal).catch(async (error) => {
    if (error instanceof DirectError) await inbox.spared(entry.id)
    throw error
  })
  scope.use(judged)
  const kept = scope.move()
  return { uid, entry, judged, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Null: the verdict is final. */
function undeterminedReport({ entry, judged }: Look): ReceiveReport | null {
  if (judged === 'poison' || judged.verdict !== 'undetermined') return null
  return entry.judgement?.verdict === 'reject' ? null : describeReceived(judged)
}

async function* actOn(look: Look, pass: Pass): AsyncGenerator<Handled> {
  const { mailbox, folder, tools, cutShort } = pass
  const { uid, entry, judged } = look
  const name = nameOf(mailbox, folder, uid)
  cutShort.delete(uid)
  const report = undeterminedReport(look)
  if (report !== null) {
    await remember(look, pass)
    tools.undetermined.wait(name, tools.now())
    yield { kind: 'report', report }
    return
  }
  tools.undetermined.forget(name)
  if (judged === 'poison') {
    await putAside(entry, POISON, folder, mailbox.settings, tools)
    yield { kind: 'report', report: POISON_REPORT }
  } else yield* handle(judged, entry, folder, mailbox, tools)
}

/** It stays as it is, and opening it was no failed attempt. */
async function remember({ entry, judged }: Look, { tools }: Pass): Promise<void> {
  if (judged === 'poison') return
  const now = tools.now()
  await tools.store.inbox.undetermined(entry.id, undecidedOf(judged), sinceWhen(entry, now), now)
}
