import { sql } from 'kysely'
import type { Tx } from '../schema.ts'

/**
 * Version 8: time limits, what the sender has yet to be told, and receipts beside `processed`. What went out before has
 * no time limit: whoever upgrades is not told of months of silence at once.
 */
export async function notices(tx: Tx): Promise<void> {
  await tx.schema
    .alterTable('messages')
    .addColumn('final_wanted', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await tx.schema.alterTable('recipients').addColumn('deadline', 'bigint').execute()
  await tx.schema
    .alterTable('recipients')
    .addColumn('untold', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await tx.schema
    .createIndex('recipients_by_deadline')
    .on('recipients')
    .column('deadline')
    .where(sql.ref('deadline'), 'is not', null)
    .execute()
  await tx.schema
    .createIndex('recipients_untold')
    .on('recipients')
    .column('message')
    .where(sql.ref('untold'), '=', 1)
    .execute()
  for (const column of ['author', 'about', 'later_id'] as const)
    await tx.schema.alterTable('inbox_deliveries').addColumn(column, 'text').execute()
  await tx.schema
    .alterTable('inbox_deliveries')
    .addColumn('final_wanted', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await rebuild(tx)
}

/** A constraint cannot be taken off a column, so the table is made anew; no other names it. */
async function rebuild(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('notices_8')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('delivery', 'integer', (c) => c.references('inbox_deliveries.id'))
    .addColumn('message', 'integer', (c) => c.references('messages.id'))
    .addColumn('message_id', 'text', (c) => c.notNull().unique())
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('recipient', 'text', (c) => c.notNull())
    .addColumn('original_message_id', 'text', (c) => c.notNull())
    .addColumn('detail', 'text', (c) => c.notNull().defaultTo('[]'))
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('due_at', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('notices_once', ['delivery', 'kind'])
    .execute()
  const kept = ['id', 'kind', 'delivery', 'message_id', 'sender', 'recipient', 'original_message_id'] as const
  const moved = sql.join([...kept, 'state', 'attempts', 'due_at'].map((column) => sql.ref(column)))
  await sql`insert into notices_8 (${moved}, created_at) select ${moved}, due_at from notices`.execute(tx)
  await tx.schema.dropTable('notices').execute()
  await tx.schema.alterTable('notices_8').renameTo('notices').execute()
  const index = (
    name: string,
    ...columns: ('state' | 'due_at' | 'original_message_id' | 'recipient' | 'created_at' | 'message')[]
  ) => tx.schema.createIndex(name).on('notices').columns(columns).execute()
  await index('notices_by_state', 'state', 'due_at')
  await index('notices_by_original_message_id', 'original_message_id')
  await index('notices_by_recipient', 'recipient', 'created_at')
  await index('notices_by_message', 'message')
}
