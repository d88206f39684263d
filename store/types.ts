import type { TrustRecords } from './trust-types.ts'

/**
 * What survives a restart. Times are Dates (UTC, milliseconds), addresses are lower-case keys, message ids are
 * with their angle brackets. No subject, no display name, no content: bodies are S/MIME as sealed or as received.
 */
export interface Store extends AsyncDisposable {
  readonly bodies: Bodies
  readonly outbox: Outbox
  readonly inbox: Inbox
  readonly tracking: Tracking
  readonly audit: Audit
  readonly fetches: Fetches
  readonly trust: TrustRecords
}

export type BodyId = number

/** Message bodies as chunk rows; complete or absent, never half. */
export interface Bodies {
  /**
   * Writes all chunks, then marks the body complete. When `chunks` throws, what was written is removed; what a kill
   * left behind is swept at a later `openStore`: bodies, complete or not, that no message, copy or inbox entry
   * names and that nobody wrote to for 24 h. Name a body (`add`, `stored`) within that time.
   */
  write(chunks: AsyncIterable<Uint8Array>): Promise<BodyId>
  /** Length in bytes. Throws DirectError STORE_FAILED when there is no such complete body. */
  size(id: BodyId): Promise<number>
  read(id: BodyId): AsyncIterable<Uint8Array>
  /** Throws DirectError STORE_FAILED when a message, copy or inbox entry names it. */
  remove(id: BodyId): Promise<void>
}

/** States that `status` shows (cli.md). */
export type DeliveryState = 'queued' | 'sent' | 'processed' | 'dispatched' | 'failed' | 'expired' | 'refused'

export interface Because {
  readonly code: string
  readonly text: string
}

/** One outgoing message with everything that becomes durable before SMTP is tried. */
export interface NewMessage {
  readonly messageId: string
  readonly kind: 'message' | 'notification'
  readonly from: string
  readonly at: Date
  readonly actor: string | null
  readonly patient: string | null
  readonly documents: readonly string[]
  readonly idempotencyKey: string | null
  /** The record of what was sent, sealed to the sender's own certificate; null for notifications. */
  readonly recordBody: BodyId | null
  readonly recipients: readonly NewRecipient[]
  readonly copies: readonly NewCopy[]
}

export interface NewRecipient {
  readonly address: string
  readonly route: 'direct' | 'tls' | 'insecure' | 'undetermined'
  /** `queued` when a copy carries it, else `refused`. */
  readonly state: 'queued' | 'refused'
  readonly why: readonly Because[]
  /** Hex SHA-256 of the certificate encrypted to; null off the direct route. */
  readonly certificate: string | null
}

/** One SMTP transaction to be: a sealed body and the envelope around it. */
export interface NewCopy {
  readonly route: 'direct' | 'tls'
  /** For `tls`, the domain of `tlsDomains`; for `direct`, the recipients' domain. */
  readonly domain: string
  readonly mailFrom: string
  readonly recipients: readonly string[]
  readonly body: BodyId
}

export interface OutboxCopy extends NewCopy {
  readonly id: number
  readonly messageId: string
  /** Those of `recipients` that SMTP has neither accepted nor refused for good. */
  readonly pending: readonly string[]
  /** How often it was claimed before: 0 the first time. One that ended with its process counts too. */
  readonly attempts: number
}

export interface TriedRecipient {
  readonly address: string
  readonly outcome: 'accepted' | 'temporary' | 'final'
  readonly reply: string
}

export interface Outbox {
  /**
   * One transaction: message, recipients, copies, audit rows; and, for an MDN, its notice is marked `queued`. A
   * notice that is not owed any more (another process was first) adds nothing. An idempotency key that already
   * stands for a message: DirectError IDEMPOTENCY_CONFLICT, nothing is added. A Message-ID may come again: a given
   * file sent once more, an MDN owed again.
   */
  add(message: NewMessage, notice?: NoticeId): Promise<void>
  /** The message that an idempotency key already stands for. */
  byIdempotencyKey(key: string): Promise<StoredMessage | null>
  /**
   * Takes copies whose time has come and that nobody holds, and holds them until `until`, so that two processes
   * never send one copy at once. `messageId` restricts it to one message. With `untriedSince`, messages (not
   * notifications) that nobody has tried yet are taken only if they fell due by then: who queues one tries it first.
   * `route` restricts it to the copies of one route.
   */
  claim(
    now: Date,
    until: Date,
    options?: {
      readonly messageId?: string
      readonly untriedSince?: Date
      readonly route?: 'direct' | 'tls'
      readonly limit?: number
    },
  ): Promise<readonly OutboxCopy[]>
  /** Holds a claimed copy longer, until `until`: whoever tries it is still at it. */
  hold(copy: number, until: Date): Promise<void>
  /**
   * What SMTP said, in one transaction: accepted -> `sent`, final -> `failed`, temporary -> still `queued`, to be
   * tried again at `retryAt`; null gives up: what is still pending becomes `failed`. Audit and event rows included.
   * A pending recipient that `outcomes` does not mention counts as temporary. The reply becomes the recipient's
   * `why`: SMTP_ACCEPTED, SMTP_TEMPORARY, SMTP_REFUSED or SMTP_GIVEN_UP.
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
  readonly messageId: string
  readonly from: string
  readonly at: Date
  readonly recipients: readonly DeliveryStatus[]
}

export interface DeliveryStatus {
  readonly address: string
  readonly route: 'direct' | 'tls' | 'insecure' | 'undetermined'
  readonly state: DeliveryState
  readonly at: Date
  /** Why the present state. */
  readonly why: readonly Because[]
}

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
  readonly why: readonly Because[]
  readonly recipients: readonly {
    readonly address: string
    readonly verdict: 'accept' | 'reject'
    readonly code: string | null
  }[]
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
}

/** An MDN that is owed. It keeps its Message-ID however often it is sent. */
export interface Notice {
  readonly id: NoticeId
  readonly messageId: string
  readonly kind: 'processed'
  /** The local recipient that speaks (Final-Recipient, From). */
  readonly from: string
  readonly to: string
  /** Exactly as received. */
  readonly originalMessageId: string
  readonly attempts: number
}

export interface NewNotice {
  readonly recipient: string
  readonly messageId: string
  readonly to: string
  readonly originalMessageId: string
}

export interface Inbox {
  /** Which of `uids` are not settled yet, ascending: new ones, and those that a stop interrupted. */
  unsettled(mailbox: string, uidValidity: string, uids: readonly number[]): Promise<readonly number[]>
  /** The ledger's row for this message, made if there is none. */
  entry(mailbox: string, uidValidity: string, uid: number): Promise<InboxEntry>
  /** The body is durable (before any flag is set). */
  stored(id: number, body: BodyId): Promise<void>
  /** Counts one more attempt to open it; returns the count. */
  attempted(id: number): Promise<number>
  /** The attempt under way ended with a failure that is not the message's, a full disk say: it does not count. */
  spared(id: number): Promise<void>
  /**
   * The verdict, the deliveries that it opens and the MDNs that it owes, in one transaction with their audit rows.
   * An earlier delivery of the same (recipient, signer, digest) comes back with `fresh: false`, and its MDN is owed
   * again only if SMTP never accepted it and nothing still tries to. An entry that was judged before keeps its
   * first verdict: nothing is written, its deliveries come back as they stand. A refusal is an event (`rejected`).
   */
  judged(
    id: number,
    judgement: Judgement,
    notices: readonly NewNotice[],
    at: Date,
  ): Promise<readonly InboxDelivery[]>
  /** The deliveries that a judged message opened. */
  deliveries(id: number): Promise<readonly InboxDelivery[]>
  /** The EHR has it (or refused it): durable before the folder is flagged. The first outcome stands. */
  delivered(
    delivery: number,
    outcome: 'delivered' | 'rejected',
    where: string | null,
    at: Date,
  ): Promise<void>
  settled(id: number, at: Date): Promise<void>
  /** MDNs owed and due, oldest first. An MDN is due once its recipient's delivery is durable (`judged`). */
  noticesDue(now: Date, limit?: number): Promise<readonly Notice[]>
  /** An MDN could not be sealed yet: again at `retryAt`; null gives it up for good. */
  noticeTried(id: NoticeId, at: Date, retryAt: Date | null, why: readonly Because[]): Promise<void>
  /** Entries judged but not settled: what a library consumer has not accepted yet. */
  judgedUnsettled(): Promise<readonly InboxEntry[]>
}

export type TrackingEventType = 'processed' | 'dispatched' | 'failed' | 'expired' | 'rejected'

/** Something that became known about a message that we sent, or a message from outside that was refused. */
export interface TrackingEvent {
  /** Ascending; where to go on from. */
  readonly id: number
  readonly type: TrackingEventType
  readonly messageId: string | null
  readonly address: string | null
  readonly at: Date
  readonly why: readonly Because[]
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
    why: readonly Because[],
  ): Promise<{ readonly state: DeliveryState; readonly changed: boolean } | null>
  /** Newest first; one message when an id is given. Notifications of ours are not listed. */
  status(messageId?: string): Promise<readonly StoredMessage[]>
  events(after: number, limit?: number): Promise<readonly TrackingEvent[]>
  lastEvent(): Promise<number>
}

/** One row of the audit: who did what, when, with which certificate, about which document and patient. */
export interface AuditRow {
  readonly id: number
  readonly at: Date
  readonly event: string
  readonly actor: string | null
  readonly messageId: string | null
  readonly from: string | null
  readonly address: string | null
  readonly route: string | null
  readonly certificate: string | null
  readonly documents: readonly string[]
  readonly patient: string | null
  readonly outcome: string | null
  readonly why: readonly Because[]
}

export interface Audit {
  add(row: Omit<AuditRow, 'id'>): Promise<void>
  /** Oldest first. A document or patient selects every row of the messages that carried it. */
  list(filter?: {
    readonly messageId?: string
    readonly document?: string
    readonly patient?: string
  }): AsyncIterable<AuditRow>
}

/** Something fetched from a URL that a certificate names: public bytes, kept so that a dead host stops no mail at once. */
export interface StoredFetch {
  /** The URL; for OCSP the URL and what it was asked about. */
  readonly key: string
  readonly url: string
  readonly kind: 'crl' | 'ocsp' | 'issuer'
  /** An OCSP request to repeat (without nonce); null for a GET. */
  readonly request: Uint8Array | null
  readonly body: Uint8Array
  readonly fetchedAt: Date
  /** When it should be fetched anew, ahead of need: before what it says ends. */
  readonly refreshAt: Date
}

/** A bounded cache; losing it loses nothing but time. */
export interface Fetches {
  /** Marks it as used at `now`; null: looks without use, as a refresh does. */
  get(key: string, now: Date | null): Promise<StoredFetch | null>
  /** Replaces. What was unused for longest goes when all bodies together pass 128 MiB. */
  put(fetch: StoredFetch, now: Date): Promise<void>
  /** Used since `usedSince` and due by `now`, the most urgent first; without bodies, as they may be large. */
  due(now: Date, usedSince: Date, limit: number): Promise<readonly Omit<StoredFetch, 'body'>[]>
}
