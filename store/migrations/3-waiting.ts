import type { Tx } from '../schema.ts'

/** Version 3: messages of which some recipients wait until it is known how they can be reached. */
export async function waiting(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('waiting_messages')
    .addColumn('message', 'integer', (c) => c.primaryKey().references('messages.id'))
    .addColumn('until', 'bigint', (c) => c.notNull())
    .addColumn('asked', 'integer', (c) => c.notNull())
    .addColumn('next_at', 'bigint', (c) => c.notNull())
    .addColumn('held_until', 'bigint')
    .execute()
  await tx.schema
    .createIndex('waiting_messages_by_next_at')
    .on('waiting_messages')
    .column('next_at')
    .execute()
}
