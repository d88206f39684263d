import type { Place } from '../dns/index.ts'
import type { AuditRow, StoredMessage, TrackingEvent } from '../store/index.ts'
import type { CertificateCode } from '../trust-anchors/index.ts'
import type { AddressCode, MessageCode, Reason } from './errors.ts'
import type { Evidence, RevocationFacts } from './evidence.ts'
import type { ExplainOptions, ExplainTarget, Explanation } from './explain/types.ts'
import type { PinAdministration, TrustAdministration } from './trust/types.ts'

export type { CertificateReason, Evidence, JudgedCertificate, RevocationFacts } from './evidence.ts'

/** One answer per address: what the EHR shows (lock, envelope, blocked, retry) and why. */
export type Route = 'direct' | 'tls' | 'insecure' | 'undetermined'

/** Why an address has its route: what is wrong with the address, or with the certificates found for it. */
export type RouteReason = Reason<AddressCode | CertificateCode> & {
  /** It may have another answer later. */
  readonly temporary?: true
}

/** `foundIn`: the place of DISC-1 that published it. `boundTo`: what its subjectAltName binds it to. */
export interface ChosenCertificate {
  /** Lower-case hex, as every `sha256` here. */
  readonly sha256: string
  readonly foundIn: Place['place']
  readonly boundTo: 'address' | 'domain'
  readonly notAfter: Date
}

/** How one address can be reached now, and why. */
export interface Recipient {
  /** As asked for, its domain in A-labels; what is no address stands here as it was given. */
  readonly address: string
  readonly route: Route
  /** False only when it is known that nothing usable is published; null while that is not known. */
  readonly directCapable: boolean | null
  /** Empty on the direct route. */
  readonly why: readonly RouteReason[]
  readonly certificates: readonly ChosenCertificate[]
  readonly evidence: readonly Evidence[]
  /** When this answer should be asked for anew. */
  readonly validUntil: Date
  /** One sentence each: for the person who writes, and for the administrator. */
  readonly forUser: string
  readonly forAdministrator: string
}

/** All that was found for one address, whatever route it leads to. */
export interface Discovery {
  readonly address: string
  readonly places: readonly Evidence[]
  /** `sha256` of the certificate that a message would be encrypted to. */
  readonly chosen: string | null
  readonly outcome: 'direct' | 'none' | 'undetermined'
}

export interface Attachment {
  readonly filename: string
  /** By the extension of `filename` where it is left out. */
  readonly contentType?: string
  /** Bytes, text (UTF-8), a stream of bytes, or the path of a file that is streamed from disk. */
  readonly content: Uint8Array | string | AsyncIterable<Uint8Array> | { readonly path: string }
}

/** A message to be composed. Addresses are `name@domain`, without display names; at least one recipient. */
export interface Draft {
  readonly from: string
  readonly to?: readonly string[]
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
  readonly subject?: string
  readonly text?: string
  readonly html?: string
  readonly attachments?: readonly Attachment[]
  /** Message-IDs with their angle brackets. */
  readonly inReplyTo?: string
  readonly references?: readonly string[]
}

/** A message that already is RFC 5322: a file's path. `to` and `bcc` are the full list of recipients. */
export interface MessageFile {
  readonly from: string
  readonly to: readonly string[]
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
  readonly message: { readonly path: string }
}

/** How to send, and what the audit says of it: ids of yours, not names. */
export interface SendOptions {
  /** Who sends. */
  readonly actor?: string
  /** Whom it is about. */
  readonly patient?: string
  /** What is sent. */
  readonly documents?: readonly string[]
  /** A second `send` with the same key sends nothing and returns the first one's result. */
  readonly idempotencyKey?: string
  /** Ask for the `dispatched` MDN as well (N-3). */
  readonly finalDelivery?: boolean
  readonly signal?: AbortSignal
}

/** `accepted`: SMTP has it; `queued`: it will be tried again; `refused`: it will not go; `undetermined`: nothing is kept. */
export type SendResult = 'accepted' | 'queued' | 'refused' | 'undetermined'

/** What `send` came to for one recipient. */
export interface SentRecipient {
  readonly address: string
  readonly route: Route
  readonly result: SendResult
  readonly why: readonly Reason[]
}

/** What `send` came to, or, from `plan`, would come to. */
export interface Sent {
  readonly messageId: string
  readonly recipients: readonly SentRecipient[]
  /** What the sender should know although it does not stop the message. */
  readonly warnings: readonly string[]
  /** True when nothing was sent now: `plan`, or an idempotency key that stands for an earlier message. */
  readonly planned: boolean
}

/** One copy that `seal` made. */
export interface SealedCopy {
  readonly file: string
  readonly recipients: readonly string[]
  readonly certificates: readonly string[]
}

/** What `seal` wrote, and for whom it could not. */
export interface SealResult {
  readonly messageId: string
  readonly copies: readonly SealedCopy[]
  readonly refused: readonly {
    readonly address: string
    readonly route: Route
    readonly why: readonly RouteReason[]
  }[]
}

/** One leaf of an accepted message, measured as decoded. */
export interface OpenedPart {
  readonly filename: string | null
  readonly contentType: string
  readonly bytes: number
  readonly sha256: string
}

/** What a verdict names as its cause: a certificate's code where that is what is not known yet. */
export type VerdictCode = MessageCode | CertificateCode

/**
 * The judgement of one received message, for the owner's eyes alone. `undetermined`: what one of its recipients' trust
 * depends on could not be had now; the whole message waits for it.
 */
export interface Opened {
  readonly messageId: string | null
  readonly verdict: 'accept' | 'reject' | 'undetermined'
  readonly code: VerdictCode | null
  readonly why: readonly Reason[]
  readonly signer: {
    readonly sha256: string
    readonly boundTo: 'address' | 'domain'
    readonly address?: string
    readonly domain?: string
  } | null
  readonly from: string | null
  /** The inner message's To and Cc. */
  readonly to: readonly string[]
  readonly recipients: readonly {
    readonly address: string
    readonly verdict: 'accept' | 'reject' | 'undetermined'
    readonly code: VerdictCode | null
  }[]
  readonly wrapped: boolean | null
  readonly algorithms: {
    readonly digest: string | null
    readonly signature: string | null
    readonly content: string | null
    readonly keyTransport: string | null
  } | null
  /** What would be answered. */
  readonly mdn: 'processed' | 'none'
  readonly innerSha256: string | null
  readonly parts: readonly OpenedPart[]
  readonly warnings: readonly string[]
  /** What was not checked of the signer's path, e.g. `revocation`. */
  readonly unchecked: readonly string[]
  /** Of the path of the signer who was believed; empty when nobody was. */
  readonly revocation: readonly RevocationFacts[]
}

export interface OpenRequest {
  readonly path: string
  /** Envelope recipients. */
  readonly to: readonly string[]
  /** SMTP MAIL FROM; where absent, the file's Return-Path; where there is none, unchecked and recorded. */
  readonly mailFrom?: string
  /** Where the inner message is written, byte for byte (0600); only when it is accepted. */
  readonly out?: string
  /** The time to judge by, instead of the agent's clock. */
  readonly at?: Date
}

/** What `receive --once` says of one message of the mailbox. */
export type ReceiveReport =
  | {
      readonly messageId: string | null
      readonly verdict: 'accept' | 'reject' | 'undetermined'
      readonly code: VerdictCode | null
      readonly from: string | null
      readonly to: readonly string[]
      readonly signer: Opened['signer']
      readonly recipients: Opened['recipients']
      readonly innerSha256: string | null
      readonly deliveredTo: string | null
      readonly why: readonly Reason[]
    }
  | {
      readonly messageId: string | null
      readonly notification: 'processed' | 'dispatched' | 'failed' | 'unknown'
      /** The Message-ID of ours that it speaks of. */
      readonly about: string | null
      readonly recipients: readonly {
        readonly address: string
        readonly state: string | null
        readonly why: readonly Reason[]
      }[]
    }

/** A trusted message, as the EHR reads it. Reading is possible until it has been accepted or rejected. */
export interface DeliveredMessage {
  readonly messageId: string | null
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly subject: string
  readonly date: Date | null
  /** Hex SHA-256 of the inner message. */
  readonly sha256: string
  readonly bytes: number
  /** The inner message, byte for byte (IN-8). */
  read(): AsyncIterable<Uint8Array>
  /** The inner message's leaves in order, transfer encoding undone. */
  parts(): AsyncIterable<DeliveredPart>
}

export interface DeliveredPart {
  readonly filename: string | null
  readonly contentType: string
  readonly disposition: 'attachment' | 'inline' | null
  /** Decoded content; read it before asking for the next part. */
  read(): AsyncIterable<Uint8Array>
}

/** One trusted message for one or more of our addresses. Not accepted: it comes again at the next `receive`. */
export interface Delivery {
  readonly message: DeliveredMessage
  /** Our addresses that it was accepted for. */
  readonly recipients: readonly string[]
  readonly signer: NonNullable<Opened['signer']>
  readonly warnings: readonly string[]
  /** Durable when the promise is fulfilled. `where` is recorded for the audit. */
  accept(where?: string): Promise<void>
  reject(why: string): Promise<void>
}

/** What `createAgent` gives. */
export interface Agent extends AsyncDisposable {
  /**
   * What an administrator should always be told, a sentence each: trust in a test CA, anchors that are not valid now,
   * bundles that cannot be had, and, unless `own` is false, what is wrong with our own certificates: whatever needs one of
   * those says so itself. Throws CERT_UNREADABLE for a file of the configuration.
   */
  notices(options?: { readonly own?: boolean }): Promise<readonly string[]>
  /**
   * Each address's route and why, in the order asked. `from` chooses the anchors (DISC-10). What is wrong with an address
   * is its answer; throws ADDRESS_INVALID for `from`, CERT_UNREADABLE, ABORTED.
   */
  classify(
    addresses: readonly string[],
    options?: { readonly from?: string; readonly signal?: AbortSignal },
  ): Promise<readonly Recipient[]>
  /** Every certificate found for one address and the verdict on it. */
  discover(
    address: string,
    options?: { readonly from?: string; readonly signal?: AbortSignal },
  ): Promise<Discovery>
  /**
   * Why an address can be sent to or not, or whether what is in a file (certificates, a message) is believed: everything
   * that was tried, for the administrator. Throws ADDRESS_INVALID for an address of ours, FILE_UNREADABLE.
   */
  explain(target: ExplainTarget, options?: ExplainOptions): Promise<Explanation>
  /** What `send` would do, without doing it. Throws as `send` does. */
  plan(draft: Draft | MessageFile, options?: SendOptions): Promise<Sent>
  /**
   * Classifies, signs, encrypts, queues durably and tries SMTP once: one result for each recipient. Throws DirectError
   * for what is wrong with the sender (`ADDRESS_INVALID`, `IDENTITY_MISSING`, `IDENTITY_UNUSABLE`), the message (`USAGE`,
   * `MESSAGE_INVALID`, `LIMIT_EXCEEDED`, `FILE_UNREADABLE`, `IDEMPOTENCY_CONFLICT`) or the configuration (`NO_ANCHORS`,
   * `CONFIG_INVALID`): nothing was sent then.
   */
  send(draft: Draft | MessageFile, options?: SendOptions): Promise<Sent>
  /** Signs and encrypts a file into `out`, `out.2`, …, all copies or none; nothing is sent. Throws as `send`. */
  seal(message: MessageFile & { readonly out: string }): Promise<SealResult>
  /**
   * Decrypts, verifies and judges a file; stateless. What is wrong with the message is the answer; throws ADDRESS_INVALID
   * for `to`, FILE_UNREADABLE, FILE_UNWRITABLE for `out`, and for our own keys KEY_UNREADABLE, CERT_UNREADABLE.
   */
  open(request: OpenRequest): Promise<Opened>
  /** Trusted messages, as they come, until `signal` aborts. MDNs update the tracking and are not yielded. */
  receive(options?: { readonly signal?: AbortSignal }): AsyncIterable<Delivery>
  /** One pass over the mailboxes; with `deliverTo`, into folders there, otherwise only judged and listed. */
  receiveOnce(options?: {
    readonly deliverTo?: string
    readonly signal?: AbortSignal
  }): AsyncIterable<ReceiveReport>
  /** The daemon: mailboxes, outbox, MDNs, until `signal` aborts. `deliverTo` as for `receiveOnce`. */
  run(options: { readonly deliverTo?: string; readonly signal: AbortSignal }): Promise<void>
  /** Deliveries and their state, newest first; throws nothing for an unknown id, returns none. */
  status(messageId?: string): Promise<readonly StoredMessage[]>
  /** What becomes known from now on (or after event `after`), until `signal` aborts. */
  events(options?: { readonly signal?: AbortSignal; readonly after?: number }): AsyncIterable<TrackingEvent>
  /** Who sent and received what, when, by which route; oldest first. A document or patient selects its whole messages. */
  audit(filter?: {
    readonly messageId?: string
    readonly document?: string
    readonly patient?: string
  }): AsyncIterable<AuditRow>
  /** Anchors and bundles, listed and changed by hand (TR-1, TR-4). */
  readonly trust: TrustAdministration
  /** Certificates pinned to partners' addresses (TR-5). */
  readonly pins: PinAdministration
}
