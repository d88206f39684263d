import type { Reason } from '../agent/errors.ts'
import type { BodyId, MessageAlgorithms } from './types.ts'

/** A mailbox's message as the ledger knows it. */
export interface InboxEntry {
  readonly id: number
  readonly mailbox: string
  readonly uidValidity: string
  readonly uid: number
  /**
   * `new` nothing yet; `stored` the body is durable; `judged` the verdict and the deliveries are durable;
   * `settled` delivered or refused, and the folder may be flagged.
   */
  readonly state: 'new' | 'stored' | 'judged' | 'settled'
  readonly body: BodyId | null
  /** How often opening it was begun; a message that kills the process is put aside after 3. */
  readonly attempts: number
  readonly judgement: Judgement | null
  /** When it was judged: what was valid then stays so while it waits for the EHR (CERT-2). */
  readonly judgedAt: Date | null
  /** While nothing final is known of it: since when, and when that was last found. */
  readonly undetermined: { readonly since: Date; readonly lookedAt: Date } | null
}

export interface Judgement {
  readonly verdict: 'accept' | 'reject' | 'notification'
  readonly code: string | null
  readonly messageId: string | null
  readonly from: string | null
  /** Hex SHA-256 of the signer's certificate that was believed. */
  readonly signer: string | null
  readonly innerSha256: string | null
  /** Exact reasons, for the owner alone. */
  readonly why: readonly Reason[]
  readonly recipients: readonly {
    readonly address: string
    readonly verdict: 'accept' | 'reject'
    readonly code: string | null
  }[]
}

/** A verdict as it is given: the audit keeps the rest. */
export interface NewJudgement extends Judgement {
  /** By what it was opened; absent or null: it was not. */
  readonly algorithms?: MessageAlgorithms | null
  /** Message-IDs that it says it answers (In-Reply-To, References): if one is of an MDN of ours, it owes none (N-2). */
  readonly answers?: readonly string[]
}

/** A message of which nothing final is known, as the audit tells it. */
export interface Undecided
  extends Pick<NewJudgement, 'messageId' | 'from' | 'signer' | 'algorithms' | 'why'> {
  readonly recipients: readonly string[]
}

export type NoticeId = number

/** One delivery to the EHR: one accepted recipient of one message. Unique by (recipient, signer, inner digest): IN-10. */
export interface InboxDelivery {
  readonly id: number
  readonly recipient: string
  readonly state: 'pending' | 'delivered' | 'rejected'
  readonly deliveredTo: string | null
  /** False when an earlier message already made this delivery. */
  readonly fresh: boolean
  /** What it is called towards the EHR, with the others that the same message opened: the same at each try. */
  readonly key: string
  /** Whether it is tried by the clock (`Deliveries`), apart from its mailbox. */
  readonly isTimed: boolean
}

/** The EHR has it, or will not have it. `where`: what the EHR, or whoever filed it, calls the place. */
export interface DeliveryOutcome {
  readonly delivery: number
  readonly outcome: 'delivered' | 'rejected'
  readonly where: string | null
  /** Why it will not have it, for the audit alone. */
  readonly why?: readonly Reason[]
  /** Its trust was withdrawn before the EHR could take it: nobody outside hears of that (IN-9). */
  readonly withdrawn?: boolean
}

/** An entry that was begun and is not settled, in short. */
export interface Unfinished extends Pick<InboxEntry, 'id' | 'uid' | 'state' | 'attempts'> {
  /** Whether nothing final is known of it. */
  readonly undetermined: boolean
  /**
   * Of one that was accepted, what of it has yet to be taken: `none`, all is; `timed`, all that is left is tried by the
   * clock; else `waiting`. Null: it was not accepted, or not judged yet.
   */
  readonly untaken: 'none' | 'timed' | 'waiting' | null
}

/** Something that is owed. It keeps its Message-ID however often it is sent. */
export type Notice = Receipt | FailureNotice

interface Owed {
  readonly id: NoticeId
  readonly messageId: string
  readonly to: string
  /** Of the message that it speaks of: of an MDN exactly as received. */
  readonly originalMessageId: string
  readonly attempts: number
}

/** An MDN, to the author of what was received. */
export interface Receipt extends Owed {
  readonly kind: 'processed' | 'dispatched' | 'failed'
  /** The local recipient that speaks (Final-Recipient, From). */
  readonly from: string
}

/** A failure notice, to the sender of ours whose message it was (N-8). */
export interface FailureNotice extends Owed {
  readonly kind: 'failure'
  /** The sender's own address. */
  readonly from: string
  readonly concerned: readonly Concerned[]
  /** When the message was sent. */
  readonly sentAt: Date
}

/** A recipient that a failure notice tells of. */
export interface Concerned {
  readonly address: string
  readonly state: 'failed' | 'expired'
  readonly why: readonly Reason[]
  readonly at: Date
}

export interface NewNotice {
  readonly recipient: string
  /** Of the `processed` MDN. */
  readonly messageId: string
  readonly to: string
  readonly originalMessageId: string
  /** Of the MDN that tells what the EHR said; null or absent: none does. */
  readonly laterMessageId?: string | null
  /** That the author asks for `dispatched` (N-4); `failed` goes in any case. */
  readonly finalWanted?: boolean
}

export interface Inbox {
  /** Which of `uids` are not settled yet, ascending: new ones, and those that a stop interrupted. */
  unsettled(mailbox: string, uidValidity: string, uids: readonly number[]): Promise<readonly number[]>
  /** What was begun in this folder and is not settled; first what nobody has looked at for longest. */
  unfinished(mailbox: string, uidValidity: string): Promise<readonly Unfinished[]>
  /** The ledger's row for this message; null where nothing of it was begun. */
  find(mailbox: string, uidValidity: string, uid: number): Promise<InboxEntry | null>
  /**
   * Opening it begins: its row is made if there is none, names `body`, durable by now, if it names none yet, and counts
   * one more attempt. Bytes, 256 KiB at most, become its body here. Null: nothing of it is kept. What is judged already
   * stays as it is.
   */
  begin(
    mailbox: string,
    uidValidity: string,
    uid: number,
    body: BodyId | Uint8Array | null,
  ): Promise<InboxEntry>
  /** What was stored of it was damaged: it names `body` from now on, durable by now and the same message, and audits that. */
  fetchedAgain(id: number, body: BodyId, at: Date): Promise<void>
  /** The attempt under way ended with a failure that is not the message's, a full disk say: it does not count. */
  spared(id: number): Promise<void>
  /**
   * It was opened without harm, which forgets all attempts, and nothing final can be said of it yet. The first time is
   * audited, later looks are not; what it comes to in the end is, by `judged`.
   */
  undetermined(id: number, message: Undecided, since: Date, lookedAt: Date): Promise<void>
  /**
   * The verdict, the deliveries that it opens and the MDNs that it owes, in one transaction with their audit rows.
   * An earlier delivery of the same (recipient, signer, digest) comes back with `fresh: false`, and its MDN is owed
   * again only if SMTP never accepted it and nothing still tries to. An entry that was judged before keeps its
   * first verdict: nothing is written, its deliveries come back as they stand. A refusal is an event (`rejected`).
   * A notification is settled at once: nothing of it is delivered.
   */
  judged(
    id: number,
    judgement: NewJudgement,
    notices: readonly NewNotice[],
    at: Date,
  ): Promise<readonly InboxDelivery[]>
  /** The deliveries of a judged message, and those that wait to go to the EHR at once with one of them: they have its key. */
  deliveries(id: number): Promise<readonly InboxDelivery[]>
  /**
   * What came of its deliveries, the MDNs that this owes (N-4), and that nothing more is done about the message: durable, in
   * one transaction, before the folder is flagged. The first outcome of a delivery stands.
   */
  settle(id: number, outcomes: readonly DeliveryOutcome[], at: Date): Promise<void>
  /** MDNs owed and due, oldest first. An MDN is due once its recipient's delivery is durable (`judged`). */
  noticesDue(now: Date, limit?: number): Promise<readonly Notice[]>
  /**
   * For each message with recipients that failed or expired since its sender was told of any, a failure notice about these
   * (N-8), under the id that `newId` gives; at most `limit` messages at a time. Returns how many notices. With `newId` null
   * there is no notice, later neither.
   */
  oweFailures(now: Date, newId: ((sender: string) => string) | null, limit?: number): Promise<number>
  /** An MDN could not be sealed yet: again at `retryAt`; null gives it up for good. */
  noticeTried(id: NoticeId, at: Date, retryAt: Date | null, why: readonly Reason[]): Promise<void>
  /**
   * Entries `stored` or `judged` whose message is not in the folder any more: its UID is not among `present`, or is of
   * another UIDVALIDITY. First the one that nobody has looked at for longest; at most `limit`.
   */
  leftBehind(
    mailbox: string,
    uidValidity: string,
    present: readonly number[],
    limit?: number,
  ): Promise<readonly InboxEntry[]>
}
