import type { Reason } from './errors.ts'
import type { Route, RouteReason } from './recipient-types.ts'

/** A file that goes along with a message; it arrives byte for byte (MSG-14). */
export interface Attachment {
  /** Any text but controls; not empty (MSG-13). */
  readonly filename: string
  /** By the extension of `filename` where it is left out. */
  readonly contentType?: string
  /**
   * Bytes, text (UTF-8), a stream of bytes, or the path of a file that is streamed from disk. A stream is `send`'s from the
   * call on: it is read once, to its end, or destroyed. `plan` leaves it alone.
   */
  readonly content: Uint8Array | string | AsyncIterable<Uint8Array> | { readonly path: string }
}

/** A message to be composed. Addresses are `name@domain`, without display names; at least one recipient. */
export interface Draft {
  readonly from: string
  readonly to?: readonly string[]
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
  readonly subject?: string
  /** Text, HTML, or both, of which the reader's program shows one (RFC 2046 5.1.4). */
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
  /**
   * Keeps the message for recipients whose route is `undetermined`, and asks again for so many hours (more than 0, at most
   * 720) how they can be reached: they are `queued`. Who is still not known by then has failed, and `events` tells.
   */
  readonly keepTryingHours?: number
  readonly signal?: AbortSignal
}

/**
 * `accepted`: SMTP has it; `queued`: it will be tried again, or, on the route `undetermined`, asked about again; `refused`:
 * it will not go; `undetermined`: nothing is kept.
 */
export type SendResult = 'accepted' | 'queued' | 'refused' | 'undetermined'

/** What `send` came to for one recipient. */
export interface SentRecipient {
  readonly address: string
  readonly route: Route
  readonly result: SendResult
  /** What stands in the way, SMTP's answer among it; of who was accepted, why the route is not `direct`. */
  readonly why: readonly Reason[]
}

/** What `send` came to, or, from `plan`, would come to. */
export interface Sent {
  /** With its angle brackets: by it `status`, `events` and `audit` name the message. */
  readonly messageId: string
  /** One for each recipient, however often it was named. */
  readonly recipients: readonly SentRecipient[]
  /** What the sender should know although it does not stop the message. */
  readonly warnings: readonly string[]
  /** True when nothing was sent now: `plan`, or an idempotency key that stands for an earlier message. */
  readonly planned: boolean
}

/** One copy that `seal` made. */
export interface SealedCopy {
  /** Where it was written. */
  readonly file: string
  readonly recipients: readonly string[]
  /** SHA-256 of each certificate that it is encrypted to, lower-case hex. */
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
