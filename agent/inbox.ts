import type { ImapClient } from '../mailbox/index.ts'
import type { InboxEntry, NewNotice, Store } from '../store/index.ts'
import { rememberCapabilities } from './capabilities.ts'
import { outcomesOf } from './deliver/outcomes.ts'
import type { Deliverable, Settled } from './deliver/types.ts'
import { putAside } from './inbox/aside.ts'
import { borrowFolder, type KeptFolders } from './inbox/folders.ts'
import type { Mailbox } from './inbox/mailbox.ts'
import { Patience } from './inbox/patience.ts'
import type { Place } from './inbox/place.ts'
import { track } from './inbox/track.ts'
import type { Undetermined } from './inbox/undetermined.ts'
import { isNotification, type Notification, readNotification } from './mdn.ts'
import { readHead } from './mime/entity.ts'
import { MimeError } from './mime/error.ts'
import { ownFailureNotice } from './notices/recognise.ts'
import { newNoticeId } from './notify.ts'
import { envelopeRecipients } from './open/envelope.ts'
import { describeReceived, judgementOf, messageIdOf } from './open/report.ts'
import type { TrustedMessage } from './open/trusted-message.ts'
import type { Judged } from './open/verdict.ts'
import { type OpenTools, openMessage } from './open.ts'
import { asksForDispatched } from './read/final-delivery.ts'
import type { ReceiveReport, VerdictCode } from './receiving-types.ts'
import type { Source } from './smime/source.ts'
import type { Judge } from './trust/judge.ts'

export type { Mailbox } from './inbox/mailbox.ts'

/** What receiving asks of its neighbours. */
export interface InboxTools {
  readonly store: Store
  readonly imap: ImapClient
  /** Connections that stay between passes; without it each pass makes its own. */
  readonly kept?: KeptFolders
  /**
   * Asked for once it is known which mail is there: whatever that was encrypted to is among our certificates by then,
   * a renewal too that was published a moment ago (ALG-5).
   */
  readonly opening: () => Promise<Opening>
  /** Without revocation: of a message that was accepted once, it was known then. */
  readonly judgeAccepted: Judge
  /** When what is not known yet is judged again. */
  readonly undetermined: Undetermined
  /**
   * True where messages are handed over by the clock (deliver.ts): passes leave those to it, and flag what was taken
   * since.
   */
  readonly byClock?: boolean
  /** Waits until no other process passes over this mailbox with the same store. */
  readonly alone: (mailbox: Mailbox, signal?: AbortSignal) => Promise<Disposable>
  /** A pass that began at `begun` has looked at all that was in the mailbox. */
  readonly passed: (mailbox: Mailbox, begun: Date) => void
  readonly now: () => Date
}

/** How the mail of one pass is opened. */
export interface Opening {
  readonly open: OpenTools
  /** Our domains and addresses, which a mailbox receives for that names none of its own. */
  readonly ourNames: readonly string[]
}

export interface PassTools extends InboxTools, Opening {}

/** A trusted message that waits for the EHR. Until it is accepted or rejected it comes again at the next pass. */
export interface Offer extends Deliverable {
  /** Durable when fulfilled; the folder is flagged only after it. */
  settle(taken: Settled): Promise<void>
}

export type Handled =
  | { readonly kind: 'report'; readonly report: ReceiveReport }
  | { readonly kind: 'offer'; readonly offer: Offer }

/**
 * Opens and judges what is new without keeping, flagging or answering anything; tracking is brought up to date.
 * What `listed` names already is passed by.
 */
export async function* listMailbox(
  mailbox: Mailbox,
  tools: InboxTools,
  listed: Set<string>,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  const begun = tools.now()
  await using borrowed = await borrowFolder(mailbox, tools, signal)
  const { folder } = borrowed
  const patience = new Patience()
  const uids = await tools.store.inbox.unsettled(mailbox.name, folder.uidValidity, await folder.uids())
  const opening = await tools.opening()
  const { open, ourNames } = opening
  for (const uid of uids) {
    if (signal?.aborted) return
    const name = nameOf(mailbox, folder, uid)
    if (listed.has(name) || !tools.undetermined.isDue(name, tools.now())) continue
    await using raw = await open.spool(folder.fetch(uid))
    const envelope = await envelopeOf(raw, mailbox.settings.addresses ?? ourNames)
    const look = patience.look()
    await using judged = await openMessage(raw, envelope, { ...open, patienceMs: look.ms }, signal)
    if (judged.verdict === 'undetermined') {
      look.wasInVain()
      tools.undetermined.wait(name, tools.now())
    } else listed.add(name)
    const withOpening = { ...tools, ...opening }
    yield (await ownFailureNotice(judged, withOpening)) ??
      (await trackNotification(judged, withOpening)) ??
      describeReceived(judged)
  }
  borrowed.finished()
  tools.passed(mailbox, begun)
}

/** Names a message beyond one pass. */
export function nameOf(
  mailbox: Mailbox,
  { uidValidity }: { readonly uidValidity: string },
  uid: number,
): string {
  return `${mailbox.name} ${uidValidity} ${uid}`
}

/**
 * A message that was accepted, and answered, stays so while it waits: its certificates are judged as of then (CERT-2).
 * `addresses`: those that its mailbox receives for; null: all that are ours.
 */
export async function openEntry(
  raw: Source,
  entry: InboxEntry,
  addresses: readonly string[] | null,
  tools: Opening & Pick<InboxTools, 'judgeAccepted'>,
  bounds: Pick<OpenTools, 'patienceMs' | 'isLastLook'>,
  signal?: AbortSignal,
): Promise<Judged> {
  const open = { ...tools.open, ...bounds }
  const envelope = await envelopeOf(raw, addresses ?? tools.ourNames)
  const judged = await openMessage(raw, envelope, open, signal)
  const { judgement, judgedAt } = entry
  if (judged.trusted || judgement?.verdict !== 'accept' || judgedAt === null) return judged
  await judged[Symbol.asyncDispose]()
  const asOfThen = { ...open, at: () => judgedAt, judge: tools.judgeAccepted }
  return openMessage(raw, envelope, asOfThen, signal)
}

/** What follows from a verdict, step by durable step; nothing where it is undetermined. */
export async function* handle(
  {
    judged,
    entry,
    wasSettled,
  }: { readonly judged: Judged; readonly entry: InboxEntry; readonly wasSettled: boolean },
  place: Place,
  mailbox: Mailbox,
  tools: PassTools,
): AsyncGenerator<Handled> {
  const { inbox } = tools.store
  const { trusted } = judged
  const earlier = entry.judgement
  if (!trusted || earlier?.verdict === 'reject') {
    await putAside(entry, judgementOf(judged, 'reject'), place, mailbox.settings, tools)
    // The first verdict stands, whatever has been configured since.
    const report =
      earlier?.verdict === 'reject' && judged.verdict !== 'reject'
        ? describeReceived(judged, { code: earlier.code as VerdictCode })
        : describeReceived(judged)
    yield { kind: 'report', report }
    return
  }
  const clocks = { at: tools.open.at(), now: tools.now() }
  await rememberCapabilities(trusted, tools.store.capabilities, clocks)
  const notification = await trackNotification(judged, tools)
  if (notification) {
    await inbox.judged(entry.id, judgementOf(judged, 'notification'), [], tools.now())
    await place.flagSeen(entry.uid)
    yield { kind: 'report', report: notification }
    return
  }
  // A store older than its folder, restored from a backup say, does not know what it has answered already.
  const owed = wasSettled ? [] : noticesOwed(judged, trusted)
  const deliveries =
    entry.state === 'judged'
      ? await inbox.deliveries(entry.id)
      : await inbox.judged(entry.id, judgementOf(judged, 'accept'), owed, tools.now())
  // One that an earlier message opened and nobody has taken yet waits too: that message may not come again (UIDVALIDITY).
  const waiting = deliveries.filter(({ state }) => state === 'pending')
  const [first] = waiting
  if (first === undefined) {
    await inbox.settle(entry.id, [], tools.now())
    await place.flagSeen(entry.uid)
    // Its own delivery was the last that a stop let happen; any other is the same message again (IN-10).
    const own = deliveries.find(({ fresh, state }) => fresh && state === 'delivered')
    const report = describeReceived(judged, own ? { deliveredTo: own.deliveredTo } : { code: 'DUPLICATE' })
    yield { kind: 'report', report }
    return
  }
  let settled = false
  const settle: Offer['settle'] = async (taken) => {
    await inbox.settle(entry.id, outcomesOf(waiting, taken), tools.now())
    settled = true
  }
  const isWaiting = async (key: string) => {
    const now = await inbox.deliveries(entry.id)
    return now.some((one) => one.key === key && one.state === 'pending')
  }
  try {
    const offer = { judged, message: trusted, deliveries: waiting, key: first.key, isWaiting, settle }
    yield { kind: 'offer', offer }
  } finally {
    if (settled) await place.flagSeen(entry.uid)
  }
}

async function envelopeOf(raw: Source, ours: readonly string[]) {
  try {
    const { header } = await readHead(raw.read())
    return { recipients: envelopeRecipients(header, ours), mailFrom: undefined }
  } catch (error) {
    // Opening says what is wrong with it.
    if (error instanceof MimeError) return { recipients: [], mailFrom: undefined }
    throw error
  }
}

/** A report beyond IN-11's limits is a notification all the same; it speaks of nobody, and stops nobody's mail. */
async function notificationOf({ inner, facts }: TrustedMessage): Promise<Notification | null> {
  if (!isNotification(facts)) return null
  try {
    return await readNotification(inner)
  } catch (error) {
    if (!(error instanceof MimeError)) throw error
    return { kind: 'mdn', originalMessageId: null, recipients: [] }
  }
}

async function trackNotification(
  judged: Judged,
  { store, open, now }: PassTools,
): Promise<ReceiveReport | null> {
  const { trusted } = judged
  const notification = trusted ? await notificationOf(trusted) : null
  if (!trusted || !notification) return null
  const { subjectEmail } = open.legacy
  const recipients = await track(notification, trusted, store, { at: now(), subjectEmail })
  const [first] = notification.recipients
  return {
    messageId: messageIdOf(judged),
    notification: first?.disposition ?? 'unknown',
    about: notification.originalMessageId,
    recipients,
  }
}

/** One `processed` MDN for each accepted recipient, to the authenticated author (N-1, N-2), and one more by what the EHR says (N-4). */
function noticesOwed(judged: Judged, trusted: TrustedMessage): readonly NewNotice[] {
  const about = messageIdOf(judged)
  if (!trusted.answerable || about === null) return []
  return trusted.accepted.map((recipient) => ({
    recipient: recipient.key,
    messageId: newNoticeId(recipient),
    to: trusted.author.toString(),
    originalMessageId: about,
    laterMessageId: newNoticeId(recipient),
    finalWanted: asksForDispatched(trusted.facts.notificationOptions),
  }))
}
