import type { Tx } from '../schema.ts'

/** Version 5: what the software of correspondents can read, as they said themselves. */
export async function capabilities(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('capabilities')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('certificate', 'text', (c) => c.notNull())
    .addColumn('ciphers', 'text', (c) => c.notNull())
    .addColumn('key_transport', 'text', (c) => c.notNull())
    .addColumn('signed_at', 'bigint', (c) => c.notNull())
    .addColumn('taken_at', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('capabilities_key', ['address', 'certificate'])
    .execute()
  await tx.schema.createIndex('capabilities_by_taken_at').on('capabilities').column('taken_at').execute()
}
