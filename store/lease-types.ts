/**
 * What one process at a time does, of those that share a store. A lease ends by itself where it is not renewed, so that
 * another process goes on where the holder has died. It saves work, and keeps two from being at one thing at once; that
 * nothing happens twice even so (the holder may have been stopped for longer than its lease) is what unique keys are for.
 */
export interface Leases {
  /**
   * Takes it for `forMs` from now on, or renews it, by the clock of the database, which all share: an hour at most. False:
   * another one holds it.
   */
  take(name: string, holder: string, forMs: number): Promise<boolean>
  /** Milliseconds that the clock of the database is ahead of this machine's; null: it is this machine's. */
  clockDifference(): Promise<number | null>
  /** Gives back whatever `holder` holds, or what is named. */
  release(holder: string, name?: string): Promise<void>
}

/** How far each mailbox was read, by whichever process. */
export interface PassRecords {
  /**
   * A pass that began at `begun` has read the whole mailbox. A later one that is known already stands, unless a clock dated
   * it that has been set back since: that one is not told either.
   */
  completed(mailbox: string, begun: Date): Promise<void>
  /** Of those mailboxes, for which it is known: all mail that was there by then has been read. */
  readUntil(mailboxes: readonly string[]): Promise<ReadonlyMap<string, Date>>
}
