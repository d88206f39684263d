import type { RestorePlace } from './place.ts'
import type { RestoredStore, RestoreOptions, StoreFinding, StoreProgress } from './upkeep-types.ts'

/**
 * Makes a store the one that a backup holds, brought to the newest schema, in a file or a database, whichever it came from;
 * a stop at any point leaves the old store or the new one. What was due goes five minutes later at the earliest: receipts
 * that came since the backup are in the mailboxes, and settle what has gone. Audited as `store-restored`. Throws DirectError
 * `FILE_UNREADABLE` (no backup there), `FILE_UNWRITABLE`, `STORE_DAMAGED` (the backup, in any byte of it; the store is as it
 * was), `STORE_FAILED`: no store, a newer one, not empty without `replace`, or, temporary, that another process has it open.
 */
export async function restoreStore(
  backup: string,
  {
    now = () => new Date(),
    tell = () => {},
    replace,
    evenDamaged,
    actor,
    ...place
  }: RestoreOptions &
    RestorePlace & {
      readonly now?: () => Date
      readonly tell?: ((progress: StoreProgress) => void) | undefined
    },
): Promise<RestoredStore> {
  const { restore } = await import('./upkeep/restore.ts')
  return restore(backup, place, { replace, evenDamaged, actor, now, tell })
}

/**
 * What `check` says of a store, of a backup: first whether any byte of it changed since it was written. Changes nothing.
 * Throws DirectError `FILE_UNREADABLE` (no file there), `STORE_FAILED` (no store).
 */
export async function* checkBackup(
  backup: string,
  options: { readonly now: () => Date; readonly tell?: ((progress: StoreProgress) => void) | undefined },
): AsyncIterable<StoreFinding> {
  const { checkBackup } = await import('./upkeep/check-backup.ts')
  yield* checkBackup(backup, { now: options.now(), tell: options.tell ?? (() => {}) })
}
