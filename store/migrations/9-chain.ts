import { sql } from 'kysely'
import { chained, link } from '../audit-chain.ts'
import type { Tx } from '../schema.ts'

/** Rows taken at once. */
const PAGE = 1000

/** Version 9: the rows of the audit form a chain of hashes, and bodies that nothing names are found by an index. */
export async function chain(tx: Tx): Promise<void> {
  await tx.schema.alterTable('audit').addColumn('chain', 'text').execute()
  await tx.schema
    .createTable('audit_head')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('last', 'bigint', (c) => c.notNull())
    .addColumn('chain', 'text', (c) => c.notNull())
    .addColumn('pruned_to', 'bigint', (c) => c.notNull())
    .addColumn('pruned_chain', 'text', (c) => c.notNull())
    .execute()
  await chainWhatIsThere(tx)
  await tx.schema
    .alterTable('bodies')
    .addColumn('kept', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await sql`
    update bodies set kept = 1
    where id in (select body from copies)
      or id in (select record_body from messages)
      or id in (select body from inbox_entries)`.execute(tx)
  await tx.schema
    .createIndex('bodies_loose')
    .on('bodies')
    .column('touched_at')
    .where(sql.ref('kept'), '=', sql.lit(0))
    .execute()
}

async function chainWhatIsThere(tx: Tx): Promise<void> {
  const head = { rows: 0, last: 0, chain: '' }
  for (;;) {
    const rows = await tx
      .selectFrom('audit')
      .select(chained)
      .where('id', '>', head.last)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    for (const row of rows) {
      head.chain = link(head.chain, row)
      await tx.updateTable('audit').set({ chain: head.chain }).where('id', '=', row.id).execute()
      head.last = row.id
      head.rows += 1
    }
    if (rows.length < PAGE) break
  }
  await tx
    .insertInto('audit_head')
    .values({ id: 1, ...head, pruned_to: 0, pruned_chain: '' })
    .execute()
}
