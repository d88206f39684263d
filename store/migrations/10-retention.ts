import type { Tx } from '../schema.ts'

/** Version 10: what is removed after its time is found, and what names it, by an index. */
export async function retention(tx: Tx): Promise<void> {
  await tx.schema.createIndex('audit_documents_by_audit').on('audit_documents').column('audit').execute()
  await tx.schema
    .createIndex('entry_deliveries_by_delivery')
    .on('entry_deliveries')
    .column('delivery')
    .execute()
}
