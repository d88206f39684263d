import type {
  AuditProof,
  AuditRow,
  RestoredStore,
  RestoreOptions,
  StoreBackup,
  StoreFinding,
  StoreProgress,
} from '../../store/index.ts'

export type {
  AuditProof,
  RestoredStore,
  RestoreOptions,
  StoreArea,
  StoreBackup,
  StoreFinding,
  StoreProgress,
} from '../../store/index.ts'

/** Who is told how far the reading of what is large has come. */
export interface Told {
  readonly tell?: ((progress: StoreProgress) => void) | undefined
}

/** Looking after the store: whether it is whole, its backups, and what is made of them. */
export interface StoreAdministration {
  /**
   * Whether the file is whole, what is in it fits together, and each stored message is what was written: for each thing
   * looked at `ok`, or all that is wrong with it. Nothing where there is no store yet. Changes nothing; others may go on
   * writing. The whole file is read synchronously: not in the process of a daemon. With `backup` that file is looked at
   * instead, and whether any byte of it changed since it was written; throws DirectError FILE_UNREADABLE, STORE_FAILED.
   */
  check(options?: Told & { readonly backup?: string | undefined }): AsyncIterable<StoreFinding>
  /**
   * A consistent copy in one new file, while a daemon goes on. It is read anew before it gets its name; `damage` says what
   * in it is not what was written, as it is not in the store. Throws DirectError FILE_UNWRITABLE (also where something is
   * there already), STORE_FAILED, STORE_DAMAGED (nothing could be made of it).
   */
  backup(file: string, options?: Told): Promise<StoreBackup>
  /**
   * Puts a backup in the place of the store, which nobody may have open: neither a daemon nor this agent. Stopped at any
   * point, it leaves the old store or the new one. What was due at the backup is sent five minutes later at the
   * earliest, once mailboxes were read: a receipt that lies there settles what had gone. Throws DirectError
   * FILE_UNREADABLE, STORE_DAMAGED for the backup in any byte of it, unless `evenDamaged`, STORE_FAILED (the store is open, not empty without `replace`, or the
   * backup is newer than this program), USAGE where this agent has the store open.
   */
  restore(file: string, options: RestoreOptions & Told): Promise<RestoredStore>
  /** When a backup took the store's place last, and until when that had known everything; null: it never did. */
  lastRestore(): Promise<Pick<AuditRow, 'at' | 'why'> | null>
  /**
   * Whether every row of the audit is as it was written. Whoever can write the whole database can make it look so: against
   * that, `expect` a head that was noted elsewhere; the daemon logs it each day.
   */
  verifyAudit(expect?: string): Promise<AuditProof>
}
