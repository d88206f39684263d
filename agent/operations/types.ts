/** Whether the daemon does its work, as `GET /health` tells it. No names but those of our own mailboxes. */
export interface Health {
  /** The store is, and every mailbox has been read within 15 minutes (or three times `pollSeconds`). */
  readonly ok: boolean
  /** Not `ok`: it does not answer, or something failed by it within a minute, or the last pass over a mailbox did. */
  readonly store: { readonly ok: boolean; readonly failure: string | null }
  readonly mailboxes: readonly {
    /** `user@host:port/folder`. */
    readonly name: string
    readonly ok: boolean
    /** When the last pass began that came to its end. */
    readonly lastPass: Date | null
    /** The code of what the last pass failed by; null: it did not. */
    readonly failure: string | null
  }[]
  /** Null where the store does not tell. */
  readonly outbox: { readonly waiting: number | null; readonly oldestSeconds: number | null }
  /** Messages that the EHR has yet to take. Null where the store does not tell. */
  readonly deliveries: { readonly waiting: number | null; readonly oldestSeconds: number | null }
  readonly version: string
}
