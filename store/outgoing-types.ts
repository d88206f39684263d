import type { Reason } from '../agent/errors.ts'
import type { NoticeId } from './incoming-types.ts'
import type { BodyId, MessageAlgorithms } from './types.ts'

/** States that `status` shows. */
export type DeliveryState = 'queued' | 'sent' | 'processed' | 'dispatched' | 'failed' | 'expired' | 'refused'

/**
 * A body that is stored already, or bytes, 256 KiB at most, that are stored in the transaction of what names them: once,
 * however many copies carry the same.
 */
export type NewBody = BodyId | Uint8Array

/** One outgoing message with everything that becomes durable before SMTP is tried. */
export interface NewMessage {
  readonly messageId: string
  /** `notification`: an MDN of ours; `failure`: a failure notice to a sender of ours. Nobody is told what becomes of these. */
  readonly kind: 'message' | 'notification' | 'failure'
  readonly from: string
  readonly at: Date
  readonly actor: string | null
  readonly patient: string | null
  readonly documents: readonly string[]
  readonly idempotencyKey: string | null
  /** The record of what was sent, sealed to the sender's own certificate; null for notifications. */
  readonly recordBody: NewBody | null
  readonly recipients: readonly NewRecipient[]
  readonly copies: readonly NewCopy[]
  /** Where recipients of route `undetermined` are queued: they wait until theirs is known. It takes a `recordBody`. */
  readonly wait?: NewWait | null
  /** That `dispatched` is asked for (N-3), and waited for. */
  readonly finalWanted?: boolean
  /** Whoever adds the message claims its copies at once, and holds them until then. */
  readonly heldUntil?: Date
}

export interface NewRecipient {
  readonly address: string
  readonly route: 'direct' | 'tls' | 'insecure' | 'undetermined'
  /** `queued` when a copy carries it, or it waits until its route is known; else `refused`. */
  readonly state: 'queued' | 'refused'
  readonly why: readonly Reason[]
  /** Hex SHA-256 of the certificate encrypted to; null off the direct route. */
  readonly certificate: string | null
  /** By then its system has to have answered, or, on the route `tls`, to have taken it (N-7); null or absent: whenever. */
  readonly deadline?: Date | null
}

/** How long it is asked how the undetermined recipients of a message can be reached (DISC-6), and when next. */
export interface NewWait {
  /** Counted from the moment at which the message was made. */
  readonly until: Date
  readonly nextAt: Date
}

/** One SMTP transaction to be: a sealed body and the envelope around it. */
export interface NewCopy {
  readonly route: 'direct' | 'tls'
  /** For `tls`, the domain of `tlsDomains`; for `direct`, the recipients' domain. */
  readonly domain: string
  readonly mailFrom: string
  readonly recipients: readonly string[]
  readonly body: NewBody
  /** By what it was sealed for each recipient, on the direct route. */
  readonly sealedBy?: ReadonlyMap<string, MessageAlgorithms>
}

export interface OutboxCopy extends Omit<NewCopy, 'sealedBy' | 'body'> {
  readonly id: number
  readonly body: BodyId
  /** All of the body, for whoever has added it just now as bytes. */
  readonly bytes?: Uint8Array
  readonly messageId: string
  readonly kind: NewMessage['kind']
  /** Those of `recipients` that SMTP has neither accepted nor refused for good. */
  readonly pending: readonly string[]
  /** How often it was claimed before: 0 the first time. One that ended with its process counts too. */
  readonly attempts: number
}

export interface TriedRecipient {
  readonly address: string
  /**
   * `unknown`: SMTP may have accepted it, and its word was lost; `damaged`: what is stored is not what was written, so that
   * nothing of it can be sent.
   */
  readonly outcome: 'accepted' | 'temporary' | 'final' | 'unknown' | 'damaged'
  readonly reply: string
}

export interface Outbox {
  /**
   * One transaction: message, recipients, copies, wait, audit rows; and, for an MDN, its notice is marked `queued`. A
   * notice that is not owed any more (another process was first) adds nothing. An idempotency key that already
   * stands for a message: DirectError IDEMPOTENCY_CONFLICT, nothing is added. A Message-ID may come again: a given
   * file sent once more, an MDN owed again. Resolves to the copies that are held for the caller, as `claim` does.
   */
  add(message: NewMessage, notice?: NoticeId): Promise<readonly OutboxCopy[]>
  /** The message that an idempotency key already stands for. */
  byIdempotencyKey(key: string): Promise<StoredMessage | null>
  /**
   * Takes copies whose time has come and that nobody holds, and holds them until `until`, so that two processes
   * never send one copy at once. `messageId` restricts it to one message. With `untriedSince`, messages (not
   * notifications) that nobody has tried yet are taken only if they fell due by then: who queues one tries it first.
   * `route` restricts it to the copies of one route; those of route `tls` to one of `notDomains` are left out.
   * A copy that waits for somebody whose time is up is left to `expire` (N-7); with `evenLate` it goes all the same.
   * `underWay`: copies that the caller is at, and that are its own still where a clock that leapt has ended their holds.
   */
  claim(
    now: Date,
    until: Date,
    options?: {
      readonly messageId?: string
      readonly untriedSince?: Date
      readonly route?: 'direct' | 'tls'
      readonly notDomains?: readonly string[]
      readonly underWay?: readonly number[]
      readonly limit?: number
      readonly evenLate?: boolean
    },
  ): Promise<readonly OutboxCopy[]>
  /**
   * Holds a claimed copy longer, until `until`: whoever tries it is still at it. `mayBeTaken`: of these recipients a server
   * may have the message from now on. Their `why` is SMTP_IN_DOUBT until `tried` says what came of it. Where nothing does,
   * as the process was killed, the next `claim`, or `expire` once the hold has ended, audits them as in doubt.
   */
  hold(copy: number, until: Date, mayBeTaken?: readonly string[]): Promise<void>
  /**
   * What SMTP said, in one transaction: accepted -> `sent`, final -> `failed`, temporary and unknown -> still `queued`,
   * to be tried again at `retryAt`; null gives up: what is still pending becomes `failed`. Audit and event rows included.
   * A pending recipient that `outcomes` does not mention counts as temporary. The reply becomes the recipient's
   * `why`: SMTP_ACCEPTED, SMTP_TEMPORARY, SMTP_IN_DOUBT, SMTP_REFUSED, SMTP_GIVEN_UP or STORE_DAMAGED.
   */
  tried(copy: number, outcomes: readonly TriedRecipient[], at: Date, retryAt: Date | null): Promise<void>
  /** When the next copy falls due, null when none waits. One that is held falls due when its hold ends. */
  nextDue(): Promise<Date | null>
  /**
   * MDNs that wait for another try, sealed or not, fall due at once: somebody runs us again. What has failed
   * `attempts` times keeps its pauses, so that frequent runs do not use its tries up.
   */
  hastenNotices(now: Date, attempts: number): Promise<void>
}

export interface StoredMessage {
  /** With its angle brackets. */
  readonly messageId: string
  readonly from: string
  /** When it was sent: when `send` stored it. */
  readonly at: Date
  readonly recipients: readonly DeliveryStatus[]
}

export interface DeliveryStatus {
  readonly address: string
  readonly route: 'direct' | 'tls' | 'insecure' | 'undetermined'
  readonly state: DeliveryState
  /** Since when. */
  readonly at: Date
  /** By what it was sealed; null while it is not, and off the direct route. */
  readonly algorithms: MessageAlgorithms | null
  /**
   * While it is queued: how often SMTP was tried, a try under way included, and when it is again, at the earliest, which is
   * never before the hold ends of a process that is at it, or was killed at it; while its route is not known, how often and
   * when that is asked for. Null: it is not queued.
   */
  readonly tries: number | null
  readonly next: Date | null
  /** Why the present state. */
  readonly why: readonly Reason[]
}

export type TrackingEventType = 'processed' | 'dispatched' | 'failed' | 'expired' | 'rejected'

/** Something that became known about a message that we sent, or a message from outside that was refused. */
export interface TrackingEvent {
  /** Ascending; where to go on from. */
  readonly id: number
  readonly type: TrackingEventType
  /** With its angle brackets; null of a refused one that has none. */
  readonly messageId: string | null
  /** The recipient that it is about. */
  readonly address: string | null
  readonly at: Date
  readonly why: readonly Reason[]
}

export interface ExpireOptions {
  readonly limitMs: number
  /** The begin of the last pass that read every mailbox through; null: none has, as far as is known. */
  readonly readUntil: Date | null
  readonly graceMs: number
  readonly limit?: number
}

export interface Tracking {
  /**
   * A believed notification about one recipient of one message of ours. Never goes backwards
   * (dispatched stays dispatched; failed and expired stay). What changes nothing is audited, and is no event.
   * Returns the recipient's state, null when we sent no such message to it.
   */
  notified(
    notification: {
      readonly originalMessageId: string
      readonly recipient: string
      readonly disposition: 'processed' | 'dispatched' | 'failed'
    },
    at: Date,
    why: readonly Reason[],
  ): Promise<{ readonly state: DeliveryState; readonly changed: boolean } | null>
  /**
   * Whose time is up (N-7) is `expired`, with its event and its audit row, and SMTP is given nothing more for it; at most
   * `limit` at a time, oldest deadline first. Returns how many. An answer may lie in a mailbox: a deadline after
   * `readUntil` waits for `graceMs` more. One further ahead than `limitMs` was set by a clock that has been set back since,
   * and is made `limitMs` from now.
   */
  expire(now: Date, options: ExpireOptions): Promise<number>
  /** Newest first; one message when an id is given. Notifications of ours are not listed; one is told by its id. */
  status(messageId?: string): Promise<readonly StoredMessage[]>
  events(after: number, limit?: number): Promise<readonly TrackingEvent[]>
  lastEvent(): Promise<number>
}
