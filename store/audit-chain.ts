import { hash } from 'node:crypto'
import type { Insertable, Selectable } from 'kysely'
import { type Bound, prepared } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'
import { knowBy } from './turn.ts'

type Row = Selectable<Schema['audit']>

/**
 * The columns that a row of the audit is hashed by, in this order, as they stand in the database. Neither the list nor
 * its order ever changes: what is chained stays chained.
 */
export const chained = [
  'id',
  'at',
  'event',
  'actor',
  'message_id',
  'sender',
  'address',
  'route',
  'certificate',
  'algorithms',
  'documents',
  'patient',
  'outcome',
  'why',
] as const satisfies readonly (keyof Row)[]

export type Chained = Pick<Row, (typeof chained)[number]>

/**
 * What a row is worth as evidence: hex SHA-256 of the value of the row before it (empty for the first), a line feed, and
 * the JSON array of its columns. Whoever changes, takes out, puts in or moves a row changes every value after it.
 */
export function link(previous: string, row: Chained): string {
  return hash('sha256', `${previous}\n${JSON.stringify(chained.map((column) => row[column]))}`, 'hex')
}

/** Appends a row, in the transaction of what it reports. Rows are counted without gaps. */
export async function append(tx: Tx, row: Omit<Chained, 'id'>): Promise<number> {
  const head = await headOf.executeTakeFirstOrThrow(tx, {})
  const id = head.last + 1
  const value = link(head.chain, { id, ...row })
  await addRow.execute(tx, { id, ...row, chain: value })
  await moveHead.execute(tx, { rows: head.rows + 1, last: id, chain: value })
  knowBy(tx, { id, chain: value })
  return id
}

const headOf = prepared((db) => db.selectFrom('audit_head').select(['rows', 'last', 'chain']))

const addRow = prepared((db, row: Bound<Insertable<Schema['audit']>>) => db.insertInto('audit').values(row))

const moveHead = prepared((db, head: Bound<Pick<Schema['audit_head'], 'rows' | 'last' | 'chain'>>) =>
  db.updateTable('audit_head').set(head),
)
