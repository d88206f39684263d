import type { RecipientOutcome } from './types.ts'

/** MAIL FROM, RCPT TO …, DATA. The addresses have been checked. */
export interface Transaction {
  readonly from: string
  readonly to: readonly string[]
  readonly bytes: number
  /** Announce BODY=8BITMIME where it is offered (RFC 6152). */
  readonly eightBit: boolean
  readonly content: () => AsyncIterable<Uint8Array>
  /** As `Submission` says. */
  readonly onAllSent: (to: readonly string[]) => Promise<void>
}

export interface TransactionResult {
  /** Recipients that RCPT TO was refused for, with the reply. */
  readonly refused: ReadonlyMap<string, string>
  /** What all others came to. */
  readonly outcome: RecipientOutcome['outcome']
  readonly reply: string
  /** The connection was gone before anything of the message was on its way. */
  readonly unheard: boolean
}
