import { sql } from 'kysely'
import type { Tx } from '../schema.ts'

/**
 * Version 12: what several processes share (leases, positions in a sequence), when a delivery is tried again, and the
 * digest of a body. Bodies that are there already have none: computing them would read all that the store ever held while
 * everyone waits for it to open.
 */
export async function shared(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('leases')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('holder', 'text', (c) => c.notNull())
    .addColumn('until', 'bigint', (c) => c.notNull())
    .execute()
  await tx.schema
    .createTable('positions')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('position', 'bigint', (c) => c.notNull())
    .execute()
  await deliveries(tx)
  await tx.schema.alterTable('bodies').addColumn('sha256', 'text').execute()
}

async function deliveries(tx: Tx): Promise<void> {
  await tx.schema.alterTable('inbox_deliveries').addColumn('key', 'text').execute()
  await tx.schema
    .alterTable('inbox_deliveries')
    .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await tx.schema.alterTable('inbox_deliveries').addColumn('next_at', 'bigint').execute()
  await tx.schema.alterTable('inbox_deliveries').addColumn('held_until', 'bigint').execute()
  await tx.schema
    .alterTable('inbox_deliveries')
    .addColumn('why', 'text', (c) => c.notNull().defaultTo('[]'))
    .execute()
  await tx.schema
    .createIndex('inbox_deliveries_due')
    .on('inbox_deliveries')
    .column('next_at')
    .where(sql.ref('state'), '=', sql.lit('pending'))
    .where(sql.ref('next_at'), 'is not', null)
    .execute()
}
