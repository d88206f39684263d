import type { Reason } from '../agent/errors.ts'
import type { NewCopy } from './outgoing-types.ts'
import type { BodyId } from './types.ts'

/** A message of which some recipients wait until it is known how they can be reached. */
export interface WaitingMessage {
  readonly id: number
  readonly messageId: string
  readonly from: string
  /** When it was first asked: the message was made then. */
  readonly since: Date
  readonly until: Date
  /** How often it was asked and came to an answer, if only to none. */
  readonly asked: number
  /** The message itself, sealed to the sender's own certificate. */
  readonly recordBody: BodyId
  /** Whose route is not known. */
  readonly waiting: readonly string[]
  /** Every recipient, with the route that is known by now. */
  readonly recipients: readonly { readonly address: string; readonly route: string }[]
}

/** What asking once more came to, for each recipient that waited. */
export interface Asked {
  readonly reached: readonly {
    readonly address: string
    readonly route: 'direct' | 'tls'
    /** Hex SHA-256 of the certificate encrypted to; null off the direct route. */
    readonly certificate: string | null
    /** Of the message to this recipient, counted from now (N-7); null or absent: it has none. */
    readonly deadline?: Date | null
  }[]
  /** They carry the message to `reached`. */
  readonly copies: readonly NewCopy[]
  /** Known by now to be out of reach: a final no. */
  readonly refused: readonly { readonly address: string; readonly why: readonly Reason[] }[]
  /** Still not known. */
  readonly unknown: readonly { readonly address: string; readonly why: readonly Reason[] }[]
  /** When those are asked about again; null gives up, and they have failed. */
  readonly again: Date | null
}

/** Messages that wait; `Outbox.add` begins it, with the message. */
export interface Waiting {
  /**
   * Takes the message that is due for longest and that nobody holds, and holds it until `until`, so that two processes
   * never ask for one at once. Null: none is due.
   */
  claim(now: Date, until: Date): Promise<WaitingMessage | null>
  /** Holds a claimed message longer. */
  hold(message: number, until: Date): Promise<void>
  /** Gives it back unasked: due at once, for the next one. */
  release(message: number): Promise<void>
  /**
   * In one transaction: whoever was reached has a copy in the outbox and waits no more; whoever is refused, or given up,
   * is `failed`, with an event; audit rows included. False, and nothing is done, when another process has decided about
   * one of `reached` or `refused` meanwhile.
   */
  asked(message: number, outcome: Asked, at: Date): Promise<boolean>
}
