import type { InboxDelivery } from '../../store/index.ts'
import type { Reason } from '../errors.ts'
import type { TrustedMessage } from '../open/trusted-message.ts'
import type { Judged } from '../open/verdict.ts'

/** A trusted message, and for whom of ours it is to be taken now. */
export interface Deliverable {
  readonly judged: Judged
  readonly message: TrustedMessage
  readonly deliveries: readonly InboxDelivery[]
  /** What the EHR knows it by, the same at each try: for whoever must not take it twice. */
  readonly key: string
  /** Whether nobody else has handed over what has that key: for whoever does what can be done once, right before it does. */
  readonly isWaiting?: (key: string) => Promise<boolean>
}

/** Where trusted messages go: a folder, a webhook. Only what was decrypted, verified and trusted can be handed to one. */
export interface Destination {
  /**
   * Hands one message over, and answers what became of it. The same message comes again until it was delivered or
   * rejected, after a stop in between too: whoever takes it must be able to tell. Throws DirectError for I/O of our own
   * that is broken (FILE_UNWRITABLE), ABORTED: the message waits.
   */
  deliver(offered: Deliverable, signal?: AbortSignal): Promise<Taken>
  /** Throws DirectError for what would keep any message from being taken, before one comes. */
  check?(): Promise<void>
}

/** What the destination said. */
export type Taken = Settled | Later

/** Its last word, which becomes durable and is audited. */
export type Settled =
  | {
      readonly outcome: 'delivered'
      /** What it calls the place; null: it does not say. */
      readonly where: string | null
      /** Forgets what was kept for the case that the process stops before the outcome is durable. */
      recorded?(): Promise<void>
    }
  | { readonly outcome: 'rejected'; readonly why: readonly Reason[] }

/** Not now. */
export interface Later {
  readonly outcome: 'later'
  readonly why: readonly Reason[]
}
