import type { InboxEntry } from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import { type Handled, handle, openEntry } from '../inbox.ts'
import { ownFailureNotice } from '../notices/recognise.ts'
import { describeReceived, judgementOf, undecidedOf } from '../open/report.ts'
import type { Judged } from '../open/verdict.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import { DAMAGED_REPORT, giveUp, MOST_ATTEMPTS, POISON, POISON_REPORT, putAside } from './aside.ts'
import { GONE, type Place } from './place.ts'
import { take } from './take.ts'
import { isOverdue, sinceWhen } from './undetermined.ts'
import type { Pass, Wanted } from './wanted.ts'

/**
 * A message that was opened and not yet acted on. `poison`: it was not, as it stops the process each time; `damaged`: nor
 * was this one, as what was stored is not what came, and its folder does not have it any more.
 */
export interface Look extends AsyncDisposable {
  readonly name: string
  readonly entry: InboxEntry
  readonly judged: Judged | 'poison' | 'damaged'
  readonly wasSettled: boolean
}

/** Null: the message is not to be had. */
export async function lookAt(wanted: Wanted, patienceMs: number, pass: Pass): Promise<Look | null> {
  const { mailbox, tools, refused, lostAt, signal } = pass
  const { inbox } = tools.store
  const { name, wasSettled } = wanted
  await using scope = new AsyncDisposableStack()
  const taken = await take(wanted, pass).catch((error) => {
    if (error instanceof DirectError && error.code === 'IMAP_UNREACHABLE') lostAt.add(wanted.uid)
    if (!(error instanceof DirectError && error.code === 'IMAP_REFUSED')) throw error
    refused.push({ uid: wanted.uid, error })
    return null
  })
  if (taken === null) return null
  lostAt.delete(wanted.uid)
  const { raw, entry } = scope.use(taken)
  if (raw === 'damaged') return { name, entry, wasSettled, judged: raw, async [Symbol.asyncDispose]() {} }
  if (entry.state !== 'judged' && entry.attempts > MOST_ATTEMPTS)
    return { name, entry, wasSettled, judged: 'poison', async [Symbol.asyncDispose]() {} }
  const bounds = { patienceMs, isLastLook: isOverdue(entry, tools.now()) }
  const judged = await openEntry(raw, entry, mailbox.settings.addresses, tools, bounds, signal).catch(
    async (error) => {
      if (error instanceof DirectError) await inbox.spared(entry.id)
      throw error
    },
  )
  scope.use(judged)
  const kept = scope.move()
  return { name, entry, wasSettled, judged, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Null: the verdict is final. */
export function undeterminedReport({ entry, judged }: Look): ReceiveReport | null {
  if (typeof judged === 'string' || judged.verdict !== 'undetermined') return null
  return entry.judgement?.verdict === 'reject' ? null : describeReceived(judged)
}

export async function* actOn(look: Look, pass: Pass): AsyncGenerator<Handled> {
  const { mailbox, tools, cutShort } = pass
  const { name, entry, wasSettled, judged } = look
  cutShort.delete(name)
  const told = typeof judged === 'string' ? null : await ownFailureNotice(judged, tools)
  if (typeof judged !== 'string' && told !== null) {
    tools.undetermined.forget(name)
    await tools.store.inbox.judged(entry.id, judgementOf(judged, 'notification'), [], tools.now())
    // It stays unseen: it is the sender who is to read it.
    yield { kind: 'report', report: told }
    return
  }
  const report = undeterminedReport(look)
  if (report !== null) {
    await remember(look, pass)
    tools.undetermined.wait(name, tools.now())
    yield { kind: 'report', report }
    return
  }
  tools.undetermined.forget(name)
  const place = placeOf(entry, pass)
  if (judged === 'poison') {
    await putAside(entry, POISON, place, mailbox.settings, tools)
    yield { kind: 'report', report: POISON_REPORT }
  } else if (judged === 'damaged') {
    await giveUp(entry, tools)
    yield { kind: 'report', report: DAMAGED_REPORT }
  } else yield* handle({ judged, entry, wasSettled }, place, mailbox, tools)
}

/** It stays as it is, and opening it was no failed attempt. */
export async function remember({ entry, judged }: Look, { tools }: Pass): Promise<void> {
  if (typeof judged === 'string') return
  const now = tools.now()
  await tools.store.inbox.undetermined(entry.id, undecidedOf(judged), sinceWhen(entry, now), now)
}

function placeOf({ uidValidity, uid }: InboxEntry, { folder, flags, present }: Pass): Place {
  if (uidValidity !== folder.uidValidity || !present.has(uid)) return GONE
  return {
    flagSeen: (uid) => flags.seen(uid),
    refused: (error) => flags.refused(error),
    moveTo: (uid, path) => folder.moveTo(uid, path),
  }
}
