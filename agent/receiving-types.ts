import type { MessageAlgorithms } from '../store/index.ts'
import type { CertificateCode } from '../trust-anchors/index.ts'
import type { MessageCode, Reason } from './errors.ts'
import type { RevocationFacts } from './evidence.ts'

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
  /** Null: it was not decrypted. `digest` and `signature`, null: of nobody's signature that counts. */
  readonly algorithms: MessageAlgorithms | null
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
      /** A failure notice that we wrote to a sender of ours (N-8): it changes nothing. */
      readonly own?: true
      /** The Message-ID of ours that it speaks of. */
      readonly about: string | null
      readonly recipients: readonly {
        readonly address: string
        readonly state: string | null
        readonly why: readonly Reason[]
      }[]
    }

/** A receipt that will never go: its message was accepted, and the author will not hear of that from us. */
export interface LostReceipt {
  /** Of the message that it should have answered, as received. */
  readonly about: string
  /** Our recipient, who would have answered. */
  readonly from: string
  /** The author. */
  readonly to: string
  readonly why: readonly Reason[]
  /** What has to be done so that later messages are answered, a sentence each. */
  readonly advice: readonly string[]
}

/**
 * A trusted message, as the EHR reads it, as often as it likes until the next one is asked for, or the loop is left. Reading
 * throws USAGE from then on.
 */
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

/** One trusted message for one or more of our addresses. Not accepted: it comes again, under the same key. */
export interface Delivery {
  /** 64 hex digits that this delivery has each time that it comes: what was filed under them is not filed again. */
  readonly key: string
  readonly message: DeliveredMessage
  /** Our addresses that it was accepted for. */
  readonly recipients: readonly string[]
  readonly signer: NonNullable<Opened['signer']>
  readonly warnings: readonly string[]
  /**
   * Durable when the promise is fulfilled; the first answer stands. `where`, or `why`, is recorded for the audit. The author who asked for it is sent a
   * `dispatched` MDN, and after `reject` every author a `failed` one, without `why` (N-4).
   */
  accept(where?: string): Promise<void>
  reject(why: string): Promise<void>
}
