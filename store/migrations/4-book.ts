import type { Tx } from '../schema.ts'

/** Version 4: how the addresses of the address book stood when they were last asked about. */
export async function book(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('book')
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('route', 'text', (c) => c.notNull())
    .addColumn('certificates', 'text', (c) => c.notNull())
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('ends_told', 'text', (c) => c.notNull())
    .addColumn('asked_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('book_key', ['sender', 'address'])
    .execute()
  await tx.schema.createIndex('book_by_asked_at').on('book').column('asked_at').execute()
}
