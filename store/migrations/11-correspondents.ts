import type { Tx } from '../schema.ts'

/** Version 11: how many MDNs go to one correspondent within an hour is asked of when they are due (N-2). */
export async function correspondents(tx: Tx): Promise<void> {
  await tx.schema.dropIndex('notices_by_recipient').execute()
  await tx.schema.createIndex('notices_by_recipient').on('notices').columns(['recipient', 'due_at']).execute()
}
