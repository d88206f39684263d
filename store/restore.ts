import type { RestoredStore, RestoreOptions } from './upkeep-types.ts'

/**
 * Makes `file` the store that a backup holds, brought to the newest schema; a stop at any point leaves the old store or
 * the new one. What was due goes five minutes later at the earliest: receipts that came since the backup are in the
 * mailboxes, and settle what has gone. Audited as `store-restored`. Throws DirectError `FILE_UNREADABLE` (no backup
 * there), `FILE_UNWRITABLE`, `STORE_DAMAGED` (the backup), `STORE_FAILED`: no store, a newer one, not empty without
 * `replace`, or, temporary, that another process has it open.
 */
export async function restoreStore(
  backup: string,
  {
    file,
    now = () => new Date(),
    ...options
  }: RestoreOptions & { readonly file: string; readonly now?: () => Date },
): Promise<RestoredStore> {
  const { restore } = await import('./upkeep/restore.ts')
  return restore(backup, file, { ...options, now })
}
