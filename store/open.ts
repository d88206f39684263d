import { sweepBodies } from './bodies.ts'
import { Database } from './database.ts'
import { makeOurs } from './installation.ts'
import { migrate } from './migrate.ts'
import { describePlace, type PostgresPlace, type StorePlace } from './place.ts'
import { SqlStore } from './sql-store.ts'
import { NodeSqliteDialect } from './sqlite/dialect.ts'
import { openDatabase } from './sqlite/file.ts'
import { LogSync } from './sqlite/log-sync.ts'
import { closeToOthers, makeStoreFile } from './sqlite/store-file.ts'
import type { Store } from './store.ts'

/** A file is made with its folder if it is missing (0600 in 0700); a PostgreSQL database is there already. */
export type OpenStoreOptions = StorePlace & {
  /** The clock for what the store dates by itself: bodies, and the sweep of abandoned ones. */
  readonly now?: () => Date
  /** MDNs that go to one correspondent within an hour at most; 20,000 when it is left out. */
  readonly mdnsPerHour?: number | undefined
  /**
   * Of this installation: its domains and addresses, its mailboxes. A PostgreSQL database belongs to who has opened it
   * first, and to whoever has a name in common. None, or absent: it is not asked whose it is.
   */
  readonly names?: readonly string[] | undefined
}

/**
 * Opens the store; several processes may have one open at once. Throws DirectError: `FILE_UNWRITABLE` when the folder or
 * file cannot be had, `STORE_FAILED` when the file is not a store, or a newer one (it is left as it is), when the
 * server cannot be reached or is none that will do, or when the database is another installation's, `TLS_FAILED`.
 */
export async function openStore({
  now = () => new Date(),
  mdnsPerHour,
  names = [],
  ...place
}: OpenStoreOptions): Promise<Store> {
  const db =
    'file' in place ? await openFile(place.file, now) : await openPostgres(place.postgres, now, names)
  return new SqlStore(db, { now, place, mdnsPerHour })
}

async function openFile(file: string, now: () => Date): Promise<Database> {
  const onDisk = file !== ':memory:'
  if (onDisk) await makeStoreFile(file)
  const log = onDisk ? new LogSync(file) : null
  const dialect = new NodeSqliteDialect(await openDatabase(file), file, { log })
  const db = new Database(dialect)
  return await ready(db, async () => {
    await migrate(db, now, file)
    if (onDisk) await closeToOthers(file)
    await sweepBodies(db, now())
  })
}

async function openPostgres(
  place: PostgresPlace,
  now: () => Date,
  names: readonly string[],
): Promise<Database> {
  const { openServer } = await import('./postgres/open.ts')
  const db = await openServer(place)
  return await ready(db, async () => {
    const name = describePlace(place)
    await migrate(db, now, name)
    await makeOurs(db, { names, place: name }, now())
    await sweepBodies(db, now())
  })
}

/** Nothing stays open where it does not come to that. */
async function ready(db: Database, make: () => Promise<void>): Promise<Database> {
  try {
    await make()
    return db
  } catch (error) {
    await db.destroy()
    throw error
  }
}
