import type { InboxEntry } from './incoming-types.ts'
import type { DeliveryState } from './outgoing-types.ts'

/** What must hold in a store, by where it must. */
export type StoreArea = 'file' | 'references' | 'bodies' | 'outbox' | 'inbox' | 'receipts' | 'audit'

/** One thing that `check` looked at and found whole, or one that is wrong. */
export interface StoreFinding {
  readonly area: StoreArea
  readonly level: 'ok' | 'error'
  readonly code:
    | 'OK'
    | 'SEAL_BROKEN'
    | 'PAGES_DAMAGED'
    | 'REFERENCE_BROKEN'
    | 'BODY_INCOMPLETE'
    | 'BODY_DAMAGED'
    | 'QUEUED_FOR_EVER'
    | 'SENT_IN_VAIN'
    | 'DELIVERY_MISSING'
    | 'DELIVERY_OPEN'
    | 'RECEIPT_LOST'
    | 'SENDER_UNTOLD'
    | 'AUDIT_BROKEN'
  /** A Message-ID, or a row of a table; null: the store. */
  readonly about: string | null
  /** One sentence for a person. */
  readonly text: string
  /** What to do; null where nothing is wrong. */
  readonly do: string | null
}

/** How far the reading of what is large has come. */
export interface StoreProgress {
  readonly bytes: number
  readonly of: number
}

/** A store as a file by itself. */
export interface StoreBackup {
  readonly file: string
  readonly bytes: number
  /** Hex SHA-256 of the whole file, as `sha256sum` says it. */
  readonly sha256: string
  /** What is damaged in the store, and so in its backup. */
  readonly damage: readonly StoreFinding[]
  /** Of the schema. */
  readonly version: number
  /** Rows of the audit. */
  readonly auditRows: number
  /** When the newest of them was written; null: there is none. */
  readonly newest: Date | null
}

export interface RestoreOptions {
  /** What is there now is given up. Else only a store that knows nothing yet is restored into. */
  readonly replace?: boolean | undefined
  /**
   * A backup that is damaged is restored too where SQLite can read each of its pages: damaged messages and values as they
   * are, an index that disagrees with its rows made anew from them.
   */
  readonly evenDamaged?: boolean | undefined
  /** Who does it, for the audit. */
  readonly actor: string
}

export interface RestoredStore {
  /** The schema that the backup had; it has the newest now. */
  readonly version: number
  /** When the newest row of its audit was written; null: there was none. What came later is not in it. */
  readonly newest: Date | null
  /** Whether the backup says by itself that it is what was written: `none` where it was made by other means, or long ago. */
  readonly seal: 'whole' | 'broken' | 'none'
  /** What is damaged in it; nothing unless `evenDamaged`. */
  readonly damage: readonly StoreFinding[]
}

/** What an operator watches: counts and times of what is open. */
export interface StoreFigures {
  /** Copies that SMTP has yet to take; when the message of the oldest was queued, and from when on one of them could be tried. */
  readonly outbox: { readonly copies: number; readonly oldest: Date | null; readonly dueSince: Date | null }
  /** Recipients whose system still has time to answer. */
  readonly unanswered: readonly { readonly state: DeliveryState; readonly count: number }[]
  /** Messages of the mailboxes that are not settled. */
  readonly inbox: readonly { readonly state: InboxEntry['state']; readonly count: number }[]
  /** Receipts and failure notices of ours that have yet to go out. */
  readonly notices: readonly { readonly kind: string; readonly state: string; readonly count: number }[]
  /** Ever written to the audit. */
  readonly auditRows: number
  /** When the newest of them was written. */
  readonly newest: Date | null
  /** Of the database's file. */
  readonly bytes: number
}

/** A mailbox that the ledger knows, and how many messages of it are stored and not finished. */
export interface KnownMailbox {
  readonly name: string
  readonly unfinished: number
}

/** What the chain of the audit says (store/audit-chain.ts). */
export interface AuditProof {
  /** Rows that are as they were written, from `first` on. */
  readonly rows: number
  /** The number of the row that the chain begins with: more than 1 once older ones were removed (`pruned`). */
  readonly first: number
  /** Hex SHA-256 that binds all of them: to be noted elsewhere, and expected later. Empty: there is no row yet. */
  readonly head: string
  /** Whether the head that was expected is in the chain; null: none was. */
  readonly expected: boolean | null
  /** The first row that is not as it was written (null: the chain has no end); null: every row is. */
  readonly broken: { readonly id: number | null; readonly text: string } | null
}

/** What was before these times may go; null: never. */
export interface Retention {
  readonly messagesBefore: Date | null
  readonly auditBefore: Date | null
}

/** How many were removed: messages sent, with their bodies; received ones of which the body was; rows of the audit. */
export interface Pruned {
  readonly messages: number
  readonly mails: number
  readonly auditRows: number
}

/** Looking after the store itself. */
export interface Upkeep {
  /**
   * Whether the file is whole, what is in it fits together, and each body is what was written: for each thing `ok`, or all
   * that is wrong, a hundred of a kind at most. Changes nothing; others may go on writing. It reads the whole file,
   * synchronously where that is SQLite: in a process of its own.
   */
  check(tell?: (progress: StoreProgress) => void): AsyncIterable<StoreFinding>
  /**
   * A consistent copy as of one moment, 0600, complete or absent, while others go on writing; it is read anew, as `check`
   * does, and sealed: whatever changes in it later is noticed. Throws DirectError `FILE_UNWRITABLE` (something is there
   * already; the folder cannot be written to), `STORE_FAILED`, `STORE_DAMAGED` (its pages: nothing is left of the copy).
   */
  backup(file: string, tell?: (progress: StoreProgress) => void): Promise<StoreBackup>
  /**
   * Computes the chain of the audit anew. Whoever can write the whole database can compute it anew as well: against that,
   * `expect` a head that was noted elsewhere, as the daemon's log notes it.
   */
  verifyAudit(expect?: string): Promise<AuditProof>
  /**
   * Removes what was before these times, in short transactions until nothing of it is left or `signal` aborts, and audits
   * how much that was (`pruned`). What is still open stays, however old, and of each mail that was received, that it is
   * settled: it may still lie in its folder. What tells a repeated message (IN-10) goes with the audit.
   */
  prune(retention: Retention, now: Date, signal?: AbortSignal): Promise<Pruned>
  /**
   * The time that may be believed where time removes something: `now`, but at most a week beyond what this said last, or
   * at first, beyond the newest row of the audit. What it said goes back with `now`, by at most a week for what follows.
   */
  believed(now: Date): Promise<Date>
  /** The end of the chain as it is recorded, unverified. */
  auditHead(): Promise<{ readonly rows: number; readonly head: string }>
  /** As of now, and quick however much the store holds. */
  figures(): Promise<StoreFigures>
  /** By name, mailboxes with something unfinished, or all of which anything is known: that goes through the whole ledger. */
  mailboxes(which: 'all' | 'unfinished'): Promise<readonly KnownMailbox[]>
}
