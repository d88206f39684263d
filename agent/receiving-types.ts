import type { MessageAlgorithms } from '../store/index.ts'
import type { CertificateCode } from '../trust-anchors/index.ts'
import type { MessageCode, Reason } from './errors.ts'
import type { RevocationFacts } from './evidence.ts'

/** One leaf of an accepted message, measured as decoded. */
export interface OpenedPart {
  /** As the sender wrote it, decoded: data, never a path. Null: it has none. */
  readonly filename: string | null
  /** `type/subtype` in lower case. */
  readonly contentType: string
  readonly bytes: number
  /** Lower-case hex, as every `sha256` here. */
  readonly sha256: string
}

/** What a verdict names as its cause: a certificate's code where that is what is not known yet. */
export type VerdictCode = MessageCode | CertificateCode

/**
 * The judgement of one received message, for the owner's eyes alone. `undetermined`: what one of its recipients' trust
 * depends on could not be had now; the whole message waits for it.
 */
export interface Opened {
  /** With its angle brackets: the inner one, else the outer one (N-1). Null: there is none, or it was not read. */
  readonly messageId: string | null
  readonly verdict: 'accept' | 'reject' | 'undetermined'
  /** Null when it is accepted; otherwise the cause, of which `why` has the facts. */
  readonly code: VerdictCode | null
  readonly why: readonly Reason[]
  /** The signer who is bound to the author, by the name in its certificate that binds it (IN-6). Null: nobody is. */
  readonly signer: {
    readonly sha256: string
    readonly boundTo: 'address' | 'domain'
    readonly address?: string
    readonly domain?: string
  } | null
  /** The address in From; null where it was not read. */
  readonly from: string | null
  /** The inner message's To and Cc. */
  readonly to: readonly string[]
  readonly recipients: readonly {
    readonly address: string
    readonly verdict: 'accept' | 'reject' | 'undetermined'
    readonly code: VerdictCode | null
  }[]
  /** Whether it came as message/rfc822 (IN-5); null: it was not opened so far. */
  readonly wrapped: boolean | null
  /** Null: it was not decrypted. `digest` and `signature`, null: of nobody's signature that counts. */
  readonly algorithms: MessageAlgorithms | null
  /** What would be answered. */
  readonly mdn: 'processed' | 'none'
  /** Of the inner message (IN-10); null: it was not opened so far. */
  readonly innerSha256: string | null
  /** The leaves of the inner message, in order; empty unless it is accepted. */
  readonly parts: readonly OpenedPart[]
  /** What did not stop the message, a sentence each. */
  readonly warnings: readonly string[]
  /** What was not checked of the signer's path, e.g. `revocation`. */
  readonly unchecked: readonly string[]
  /** Of the path of the signer who was believed; empty when nobody was. */
  readonly revocation: readonly RevocationFacts[]
}

/** A file that holds a message as it came, and what is known of its transport. */
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
  /** With its angle brackets, as received. */
  readonly messageId: string | null
  /** The author, whom the signature proves: `name@domain`, as all addresses here. */
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  /** Decoded, for people. */
  readonly subject: string
  /** As the author wrote it; null where that is no date. */
  readonly date: Date | null
  /** Hex SHA-256 of the inner message. */
  readonly sha256: string
  /** Of the inner message. */
  readonly bytes: number
  /** The inner message, byte for byte (IN-8). */
  read(): AsyncIterable<Uint8Array>
  /** The inner message's leaves in order, transfer encoding undone. */
  parts(): AsyncIterable<DeliveredPart>
}

/** One leaf of a delivered message. */
export interface DeliveredPart {
  /** As the sender wrote it, decoded: data, never a path. Null: it has none. */
  readonly filename: string | null
  /** `type/subtype` in lower case, as the sender named it: what the bytes are, they do not prove. */
  readonly contentType: string
  /** Content-Disposition (RFC 2183); null where there is none. */
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
   * The EHR has it. Durable when the promise is fulfilled; the first answer stands. `where` is recorded for the audit. The
   * author who asked for it is sent a `dispatched` MDN (N-4).
   */
  accept(where?: string): Promise<void>
  /** The EHR will not have it. Durable as of `accept`. `why` is for the audit alone; the author is sent a `failed` MDN (N-4). */
  reject(why: string): Promise<void>
}
