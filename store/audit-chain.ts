import { hash } from 'node:crypto'
import type { Insertable, Selectable } from 'kysely'
import { type Bound, prepared, preparedRows } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'

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

/** The end of the chain as one transaction makes it. */
interface ChainEnd {
  readonly rows: number
  readonly last: number
  readonly chain: string
}

/** The last row that a transaction has written, and its date: no other row ever has the same chain. */
export interface Written {
  readonly last: number
  readonly chain: string
  readonly at: number
}

/** What a transaction says for the audit, until that is written. */
interface Said {
  /** Null: nothing yet. */
  end: ChainEnd | null
  /** Of the last row. */
  at: number
  rows: (Chained & { readonly chain: string })[]
  documents: Schema['audit_documents'][]
}

const said = new WeakMap<Tx, Said>()

/** In this transaction, beside which nobody else writes, rows may be appended; whoever ends it writes them (`writeAudit`). */
export function openAudit(tx: Tx): void {
  said.set(tx, { end: null, at: 0, rows: [], documents: [] })
}

/**
 * Appends a row, in the transaction of what it reports. Rows are counted without gaps. The end of the chain is read once
 * for all of them: in its turn a transaction is the only one that moves it.
 */
export async function append(tx: Tx, row: Omit<Chained, 'id'>, documents: Iterable<string>): Promise<void> {
  const own = said.get(tx)
  if (own === undefined) throw new TypeError('the audit is written in a turn alone')
  const { rows, last, chain } = own.end ?? (await headOf.executeTakeFirstOrThrow(tx, {}))
  const chainedRow = { id: last + 1, ...row }
  const value = link(chain, chainedRow)
  own.end = { rows: rows + 1, last: last + 1, chain: value }
  own.at = row.at
  own.rows.push({ ...chainedRow, chain: value })
  for (const document of documents) own.documents.push({ audit: last + 1, document })
}

/**
 * Writes what was appended, together, before the transaction is committed: the last row is what it is known by, as no other
 * ever has the same. Undefined: it has none. Once more writes what came since.
 */
export async function writeAudit(tx: Tx): Promise<Written | undefined> {
  const own = said.get(tx)
  if (own === undefined || own.end === null) return undefined
  const { rows, documents, end, at } = own
  const written = { last: end.last, chain: end.chain, at }
  if (rows.length === 0) return written
  own.rows = []
  own.documents = []
  await addRows.execute(tx, rows)
  await moveHead.execute(tx, end)
  await nameDocuments.execute(tx, documents)
  return written
}

const headOf = prepared((db) => db.selectFrom('audit_head').select(['rows', 'last', 'chain']))

const addRows = preparedRows((db, rows: readonly Bound<Insertable<Schema['audit']>>[]) =>
  db.insertInto('audit').values(rows),
)

const nameDocuments = preparedRows((db, rows: readonly Bound<Schema['audit_documents']>[]) =>
  db.insertInto('audit_documents').values(rows),
)

const moveHead = prepared((db, head: Bound<ChainEnd>) => db.updateTable('audit_head').set(head))
