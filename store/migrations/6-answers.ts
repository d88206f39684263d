import type { Tx } from '../schema.ts'

/** Version 6: the audit of a message asks for the MDNs that speak of it. */
export async function answers(tx: Tx): Promise<void> {
  await tx.schema
    .createIndex('notices_by_original_message_id')
    .on('notices')
    .column('original_message_id')
    .execute()
}
