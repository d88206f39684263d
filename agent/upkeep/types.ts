import type {
  AuditProof,
  RestoredStore,
  RestoreOptions,
  StoreBackup,
  StoreFinding,
} from '../../store/index.ts'

export type {
  AuditProof,
  RestoredStore,
  RestoreOptions,
  StoreArea,
  StoreBackup,
  StoreFinding,
} from '../../store/index.ts'

/** Looking after the store: whether it is whole, its backups, and what is made of them. */
export interface StoreAdministration {
  /**
   * Whether the file is whole and what is in it fits together: for each thing looked at `ok`, or all that is wrong with
   * it. Nothing where there is no store yet. Changes nothing; others may go on writing. The whole file is read
   * synchronously: not in the process of a daemon.
   */
  check(): AsyncIterable<StoreFinding>
  /**
   * A consistent copy in one new file, while a daemon goes on. Throws DirectError FILE_UNWRITABLE (also where something
   * is there already), STORE_FAILED, STORE_DAMAGED.
   */
  backup(file: string): Promise<StoreBackup>
  /**
   * Puts a backup in the place of the store, which nobody may have open: neither a daemon nor this agent. Stopped at any
   * point, it leaves the old store or the new one. What was due at the backup is sent five minutes later at the
   * earliest, once mailboxes were read: a receipt that lies there settles what had gone. Throws DirectError
   * FILE_UNREADABLE, STORE_DAMAGED for the backup, STORE_FAILED (the store is open, not empty without `replace`, or the
   * backup is newer than this program), USAGE where this agent has the store open.
   */
  restore(file: string, options: RestoreOptions): Promise<RestoredStore>
  /**
   * Whether every row of the audit is as it was written. Whoever can write the whole database can make it look so: against
   * that, `expect` a head that was noted elsewhere; the daemon logs it each day.
   */
  verifyAudit(expect?: string): Promise<AuditProof>
}
