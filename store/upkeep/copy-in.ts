import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { sql } from 'kysely'
import type { Tx } from '../schema.ts'
import type { Tell } from './seal.ts'
import { type Table, tablesOf } from './tables.ts'

/** Values of one statement: PostgreSQL takes 65,535. */
const VALUES = 10_000
/** Of what is read ahead, roughly. */
const BYTES = 4 * 1024 * 1024

type Row = Readonly<Record<string, SQLInputValue>>

/** Puts all that a store in a file holds in the place of what a shared one does, in the transaction given. */
export async function copyIn(tx: Tx, from: string, tell: Tell): Promise<void> {
  const file = new DatabaseSync(from, { readOnly: true })
  try {
    const tables = tablesOf(file)
    await sql`truncate ${sql.join(tables.map(({ name }) => sql.table(name)))}`.execute(tx)
    const { of } = file.prepare('select coalesce(sum(bytes), 0) as "of" from bodies').get() as { of: number }
    let bytes = 0
    for (const table of tables) {
      for (const rows of pagesOf(file, table)) {
        await insert(tx, table, rows)
        if (table.name !== 'body_chunks') continue
        for (const { data } of rows) bytes += (data as Uint8Array).length
        tell({ bytes, of })
      }
      await countOn(tx, table, file)
    }
  } finally {
    file.close()
  }
}

function* pagesOf(file: DatabaseSync, { name, columns, key }: Table): Generator<readonly Row[]> {
  const list = (of: readonly string[]) => of.map((column) => `"${column}"`).join()
  let page: Row[] = []
  let bytes = 0
  const rows = file.prepare(`select ${list(columns)} from "${name}" order by ${list(key)}`).iterate()
  for (const row of rows as Iterable<Row>) {
    page.push(row)
    for (const value of Object.values(row)) bytes += value instanceof Uint8Array ? value.length : 100
    if (bytes < BYTES && (page.length + 1) * columns.length < VALUES) continue
    yield page
    page = []
    bytes = 0
  }
  if (page.length > 0) yield page
}

async function insert(tx: Tx, { name, columns }: Table, rows: readonly Row[]): Promise<void> {
  const into = sql.join(columns.map((column) => sql.ref(column)))
  const values = rows.map((row) => sql`(${sql.join(columns.map((column) => sql.val(row[column])))})`)
  await sql`insert into ${sql.table(name)} (${into}) values ${sql.join(values)}`.execute(tx)
}

/** What the database numbers by itself goes on behind what is there, and behind what was and is gone. */
async function countOn(tx: Tx, { name, columns }: Table, file: DatabaseSync): Promise<void> {
  if (!columns.includes('id')) return
  const counted = file.prepare('select nullif(seq, 0) as last from sqlite_sequence where name = ?').get(name)
  await sql`
    select setval(pg_get_serial_sequence(${name}, 'id'),
      greatest((select max(id) from ${sql.table(name)}), cast(${counted?.last ?? null} as bigint)))
    where pg_get_serial_sequence(${name}, 'id') is not null`.execute(tx)
}
