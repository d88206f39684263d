import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { Database } from './database.ts'
import { requireOurs } from './installation.ts'
import { NEWEST, versionOf } from './migrate.ts'
import type { OpenStoreOptions } from './open.ts'
import { describePlace, type PostgresPlace, type StorePlace } from './place.ts'
import { SqlStore } from './sql-store.ts'
import { NodeSqliteDialect } from './sqlite/dialect.ts'
import { guarded, patiently } from './sqlite/errors.ts'
import { PATIENCE_MS, requireStore } from './sqlite/file.ts'
import { isFileIfAny } from './sqlite/own-file.ts'
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
  const db = isFile ? await openReadOnly(place.file) : await openPostgres(place.postgres)
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

async function openReadOnly(file: string): Promise<Database> {
  await isFileIfAny(file)
  const database = guarded(file, () => new DatabaseSync(file, { readOnly: true }))
  try {
    // Whoever opens or closes it last has all of the file for a moment.
    await patiently(() => requireStoreIfAny(database, file), file, PATIENCE_MS)
    return new Database(new NodeSqliteDialect(database, file))
  } catch (error) {
    database.close()
    throw error
  }
}

/** An empty file becomes a store at the first start. */
function requireStoreIfAny(database: DatabaseSync, file: string): void {
  if (database.prepare('select name from sqlite_schema').get() !== undefined) requireStore(database, file)
}

async function openPostgres(place: PostgresPlace): Promise<Database> {
  const { openServer } = await import('./postgres/open.ts')
  return await openServer(place)
}
