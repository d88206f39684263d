import type { Tx } from '../schema.ts'

const READ_FIRST_MS = 5 * 60_000

/**
 * In a store that is older than what was done: what is due there may have gone since, and the receipts in the mailboxes,
 * which tell, are read before it goes.
 */
export async function readMailboxesFirst(tx: Tx, now: Date): Promise<void> {
  const earliest = now.getTime() + READ_FIRST_MS
  for (const table of ['copies', 'waiting_messages'] as const)
    await tx.updateTable(table).set({ next_at: earliest }).where('next_at', '<', earliest).execute()
}
