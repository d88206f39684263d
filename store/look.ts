import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { Database } from './database.ts'
import { requireOurs } from './installation.ts'
import { NEWEST, versionOf } from './migrate.ts'
import type { OpenStoreOptions } from './open.ts'
import { describePlace, type PostgresPlace, type StorePlace } from './place.ts'
import { SqlStore } from './sql-store.ts'
import { NodeSqliteDialect } from './sqlite-dialect.ts'
import { storeError } from './sqlite-errors.ts'
import { requireStore } from './sqlite-file.ts'
import type { Store } from './store.ts'

/** What an older direct-agent left, which the next `openStore` brings up to date. */
export interface OlderStore {
  readonly version: number
  readonly newest: number
}

/**
 * A store to look at alone: nothing of it is made, changed, swept or brought up to date, and every write to a file fails.
 * Null: nothing is there yet. Throws DirectError as `openStore` does.
 */
export async function lookAtStore({
  now = () => new Date(),
  names = [],
  ...place
}: StorePlace & Pick<OpenStoreOptions, 'now' | 'names'>): Promise<
  { readonly store: Store } | { readonly older: OlderStore } | null
> {
  const isFile = 'file' in place
  const db = isFile ? openReadOnly(place.file) : await openPostgres(place.postgres)
  let seen: SqlStore | null = null
  try {
    const { rows } = await sql<{ name: string }>`${isFile ? TABLE_OF_FILE : TABLE_OF_DATABASE}`.execute(db)
    if (rows.length === 0) return null
    const version = await versionOf(db, isFile ? place.file : describePlace(place.postgres))
    if (version < NEWEST) return { older: { version, newest: NEWEST } }
    if (!isFile) await requireOurs(db, { names, place: describePlace(place.postgres) })
    seen = new SqlStore(db, { now, place, mdnsPerHour: undefined })
    return { store: seen }
  } finally {
    if (seen === null) await db.destroy()
  }
}

const TABLE_OF_FILE = sql`select name from sqlite_schema where type = 'table' and name = 'schema_versions'`
const TABLE_OF_DATABASE = sql`
  select table_name as name from information_schema.tables
  where table_schema = any (current_schemas(false)) and table_name = 'schema_versions'`

function openReadOnly(file: string): Database {
  try {
    const database = new DatabaseSync(file, { readOnly: true })
    try {
      // An empty file becomes a store at the first start.
      if (database.prepare('select name from sqlite_schema').get() !== undefined) requireStore(database, file)
      return new Database(new NodeSqliteDialect(database, file))
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    throw storeError(error, file)
  }
}

async function openPostgres(place: PostgresPlace): Promise<Database> {
  const { openServer } = await import('./postgres-open.ts')
  return await openServer(place)
}
