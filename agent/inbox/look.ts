import type { ImapFolder } from '../../mailbox/index.ts'
import type { InboxEntry } from '../../store/index.ts'
import { MOST_ATTEMPTS, POISON, POISON_REPORT, putAside } from '../aside.ts'
import { DirectError } from '../errors.ts'
import { type Handled, handle, type Mailbox, openEntry, type PassTools, rawOf } from '../inbox.ts'
import { describeReceived, undecidedOf } from '../open/report.ts'
import type { Judged } from '../open/verdict.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import { isOverdue, sinceWhen } from '../undetermined.ts'
import { GONE, type Place } from './place.ts'

/** What the looks of one pass share. */
export interface Pass {
  readonly mailbox: Mailbox
  readonly folder: ImapFolder
  /** The UIDs that were in the folder when the pass began. */
  readonly present: ReadonlySet<number>
  readonly tools: PassTools
  readonly signal: AbortSignal | undefined
  /** What the server said of messages that it will not hand over. */
  readonly refused: DirectError[]
  /** New messages, by name, that more patience might make known. */
  readonly cutShort: Map<string, { readonly wanted: Wanted; readonly report: ReceiveReport }>
}

/** A message that is to be looked at. `name` is its own beyond the pass. */
export interface Wanted {
  readonly name: string
  entry(): Promise<InboxEntry>
}

/** A message that was opened and not yet acted on. `poison`: it was not, as it stops the process each time. */
export interface Look extends AsyncDisposable {
  readonly name: string
  readonly entry: InboxEntry
  readonly judged: Judged | 'poison'
}

/** Null: the message is not to be had. */
export async function lookAt(wanted: Wanted, patienceMs: number, pass: Pass): Promise<Look | null> {
  const { mailbox, folder, tools, refused, signal } = pass
  const { inbox } = tools.store
  const { name } = wanted
  const entry = await wanted.entry()
  await using scope = new AsyncDisposableStack()
  const raw = await rawOf(entry, folder, tools).catch((error) => {
    if (!(error instanceof DirectError && error.code === 'IMAP_REFUSED')) throw error
    refused.push(error)
    return null
  })
  if (raw === null) return null
  scope.use(raw)
  if (entry.state !== 'judged' && (await inbox.attempted(entry.id)) > MOST_ATTEMPTS)
    return { name, entry, judged: 'poison', async [Symbol.asyncDispose]() {} }
  const bounds = { patienceMs, isLastLook: isOverdue(entry, tools.now()) }
  const judged = await openEntry(raw, entry, mailbox, tools, bounds, signal).catch(async (error) => {
    if (error instanceof DirectError) await inbox.spared(entry.id)
    throw error
  })
  scope.use(judged)
  const kept = scope.move()
  return { name, entry, judged, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Null: the verdict is final. */
export function undeterminedReport({ entry, judged }: Look): ReceiveReport | null {
  if (judged === 'poison' || judged.verdict !== 'undetermined') return null
  return entry.judgement?.verdict === 'reject' ? null : describeReceived(judged)
}

export async function* actOn(look: Look, pass: Pass): AsyncGenerator<Handled> {
  const { mailbox, tools, cutShort } = pass
  const { name, entry, judged } = look
  cutShort.delete(name)
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
  } else yield* handle(judged, entry, place, mailbox, tools)
}

/** It stays as it is, and opening it was no failed attempt. */
export async function remember({ entry, judged }: Look, { tools }: Pass): Promise<void> {
  if (judged === 'poison') return
  const now = tools.now()
  await tools.store.inbox.undetermined(entry.id, undecidedOf(judged), sinceWhen(entry, now), now)
}

function placeOf({ uidValidity, uid }: InboxEntry, { folder, present }: Pass): Place {
  return uidValidity === folder.uidValidity && present.has(uid) ? folder : GONE
}
