import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { migrate } from '../migrate.ts'
import type { Schema, Tx } from '../schema.ts'
import { NodeSqliteDialect } from '../sqlite/dialect.ts'
import { storeError } from '../sqlite/errors.ts'
import { openDatabase } from '../sqlite/file.ts'
import { asOfNow } from '../turn.ts'
import type { Tell } from './seal.ts'
import { type Table, tablesOf } from './tables.ts'

/** Rows asked for at once; a row of `body_chunks` is up to 256 KiB. */
const ROWS = 1000
const CHUNK_ROWS = 16

/** Makes `to`, an empty file, a store that holds what a shared one does as of one moment. Who writes to that does not wait. */
export async function copyOut(db: Kysely<Schema>, to: string, now: () => Date, tell: Tell): Promise<void> {
  const made = new Kysely<Schema>({ dialect: new NodeSqliteDialect(await openDatabase(to), to) })
  try {
    await migrate(made, now, to)
  } finally {
    await made.destroy()
  }
  const file = await openDatabase(to)
  try {
    file.exec('pragma foreign_keys = off; pragma synchronous = off; begin')
    await asOfNow(db, (tx) => copyTables(tx, file, tell))
    file.exec('commit')
  } catch (error) {
    throw storeError(error, to)
  } finally {
    file.close()
  }
}

async function copyTables(tx: Tx, file: DatabaseSync, tell: Tell): Promise<void> {
  const { of } = await tx
    .selectFrom('bodies')
    .select(({ fn }) => fn.coalesce(fn.sum<number>('bytes'), sql.lit(0)).as('of'))
    .executeTakeFirstOrThrow()
  let bytes = 0
  for (const table of tablesOf(file)) {
    // What the migrations put there.
    file.exec(`delete from "${table.name}"`)
    const insert = file.prepare(
      `insert into "${table.name}" (${names(table.columns)}) values (${table.columns.map(() => '?').join()})`,
    )
    for await (const row of rowsOf(tx, table)) {
      insert.run(...table.columns.map((column) => row[column] ?? null))
      if (table.name !== 'body_chunks') continue
      bytes += (row.data as Uint8Array).length
      tell({ bytes, of: Number(of) })
    }
    await countOn(tx, table, file)
  }
}

/** What a file numbers by itself goes on behind what the database numbered, though that is gone: whoever was told of it waits for higher ones. */
async function countOn(tx: Tx, { name, columns }: Table, file: DatabaseSync): Promise<void> {
  if (!columns.includes('id')) return
  const { rows } = await sql<{ last: number | null }>`
    select last_value as last from pg_sequences
    where format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence(${name}, 'id')`.execute(tx)
  const last = rows[0]?.last ?? null
  if (last === null) return
  file.prepare('delete from sqlite_sequence where name = ?').run(name)
  file.prepare('insert into sqlite_sequence (name, seq) values (?, ?)').run(name, last)
}

const names = (columns: readonly string[]) => columns.map((column) => `"${column}"`).join()

type Row = Readonly<Record<string, SQLInputValue>>

/** By its key: each page begins where the one before it ended. */
async function* rowsOf(tx: Tx, table: Table): AsyncGenerator<Row> {
  const limit = table.name === 'body_chunks' ? CHUNK_ROWS : ROWS
  for (let last: Row | null = null; ; ) {
    const rows: readonly Row[] = await pageOf(tx, table, last, limit)
    yield* rows
    last = rows.at(-1) ?? null
    if (rows.length < limit) return
  }
}

async function pageOf(tx: Tx, { name, columns, key }: Table, after: Row | null, limit: number) {
  const list = (of: readonly string[]) => sql.join(of.map((column) => sql.ref(column)))
  const from =
    after === null
      ? sql``
      : sql`where (${list(key)}) > (${sql.join(key.map((column) => sql.val(after[column])))})`
  const { rows } = await sql<Row>`
    select ${list(columns)} from ${sql.table(name)} ${from}
    order by ${list(key)} limit ${sql.lit(limit)}`.execute(tx)
  return rows
}
