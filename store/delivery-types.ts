import type { Reason } from '../agent/errors.ts'
import type { DeliveryOutcome, InboxDelivery, InboxEntry } from './incoming-types.ts'

/** A message that the EHR has yet to take, for those of our recipients whose deliveries have one key. */
export interface WaitingDelivery {
  /** It names a body. */
  readonly entry: InboxEntry
  readonly key: string
  readonly deliveries: readonly InboxDelivery[]
  /** How often it was tried in vain. */
  readonly attempts: number
}

/** A received message that the EHR has yet to take, as whoever asks for it is told. */
export interface UntakenMessage {
  readonly messageId: string | null
  readonly from: string | null
  /** Those of ours that it was accepted for and that wait for it. */
  readonly recipients: readonly string[]
  /** The mailbox that it came from, as the ledger names it. */
  readonly mailbox: string
  readonly innerSha256: string
  /** What the EHR knows it by, the same at each try. */
  readonly key: string
  /** When it was accepted. */
  readonly since: Date
  /** How often it was posted in vain; passes that could not file it in a folder are not counted. */
  readonly tries: number
  /** When it is tried again, at the earliest; null: when its mailbox is passed over next. */
  readonly next: Date | null
  /** Until when a process holds it, which is handing it over, or was killed as it did; null: none does. */
  readonly heldUntil: Date | null
  /** Why the last try came to nothing; empty: none has yet. */
  readonly why: readonly Reason[]
}

/** Deliveries that are tried by the clock, apart from the mailboxes that they came from. */
export interface Deliveries {
  /**
   * Takes one that is due and that nobody holds, the one due first, and holds it until `until`, so that two processes
   * never hand over one message at once. Null: none is.
   */
  claim(now: Date, until: Date): Promise<WaitingDelivery | null>
  /**
   * Holds a claimed one longer: whoever has it is still at it. Nothing where another process has taken it over, as this one
   * was stopped for longer than its hold.
   */
  hold(waiting: WaitingDelivery, until: Date): Promise<void>
  /**
   * What the destination said, the MDNs that this owes (N-4), and the audit, in one transaction. The first outcome of each
   * delivery stands, whoever was told it. The entry is settled by the pass that flags its message.
   */
  settle(waiting: WaitingDelivery, outcomes: readonly DeliveryOutcome[], at: Date): Promise<void>
  /**
   * Rejected as the last try was in vain too, with the MDNs that this owes (N-4). False: nothing is, as another process has
   * taken it over, which may have more luck.
   */
  giveUp(
    waiting: WaitingDelivery,
    said: { readonly at: Date; readonly why: readonly Reason[] },
  ): Promise<boolean>
  /**
   * It was not taken: due again at `retryAt`; null: not by the clock, the next pass over its mailbox looks at it. `failed`:
   * that was a try in vain. The first `why` is audited, later ones take its place, and none leaves it as it is. It is
   * nobody's from now on. Nothing where another process has taken it over.
   */
  putOff(
    waiting: WaitingDelivery,
    next: {
      readonly at: Date
      readonly retryAt: Date | null
      readonly failed: boolean
      readonly why: readonly Reason[]
    },
  ): Promise<void>
  /**
   * A pass could not hand them over: why, and when the next one is due. The first `why` is audited. What somebody holds
   * meanwhile is left to them.
   */
  notTaken(
    deliveries: readonly InboxDelivery[],
    said: { readonly at: Date; readonly next: Date; readonly why: readonly Reason[] },
  ): Promise<void>
  /** Those of a judged message that are not tried by the clock are from now on, first at `at`. */
  schedule(deliveries: readonly InboxDelivery[], at: Date): Promise<void>
  /** Nothing more is done about these messages, whose deliveries all have their outcome. */
  close(entries: readonly number[], at: Date): Promise<void>
  /** What the EHR has yet to take, oldest first; the one message when an id is given. */
  untaken(now: Date, messageId?: string): Promise<readonly UntakenMessage[]>
  /** Of these messages, the keys of the deliveries that all have their outcome. */
  settledKeys(innerSha256s: readonly string[]): Promise<readonly string[]>
  /** How many messages wait to be taken, and since when the one that has waited longest. */
  figures(): Promise<{ readonly waiting: number; readonly oldest: Date | null }>
}

/** How far the EHR has been told of events. */
export interface Told {
  /** All events up to this one were told, */
  readonly upTo: number
  /** but for these, ascending, which were not taken: since when. */
  readonly behind: readonly { readonly id: number; readonly since: Date }[]
}

export interface EventCursor {
  /** Null: nobody was ever told by this name. */
  read(name: string): Promise<Told | null>
  /** In the place of what was there, as a whole. */
  write(name: string, told: Told): Promise<void>
}
