import { DatabaseSync } from 'node:sqlite'
import { guarded, isBusy, notOurs, patiently, storeError } from './errors.ts'

/** How long whatever another process is in the way of is tried again, in milliseconds. */
export const PATIENCE_MS = 10_000

/**
 * Pages of the log (4 KB each) after which SQLite brings them into the database's own file, for which all of this process
 * stops. Its 1000 are reached after thirty messages, and take a fifth of the time of sending them.
 */
const LOG_PAGES = 4000

/** Says that a SQLite file is ours, in its header ("DirA"). */
const APPLICATION_ID = 0x44697241

/**
 * Opens the file, refuses one that is not ours without changing a byte of it, and sets what durability asks for:
 * WAL with synchronous FULL, so that a finished transaction survives the loss of power. SQLite itself waits for nobody,
 * as all of this process would stop for it: who meets another process tries again (`patiently`).
 */
export async function openDatabase(file: string): Promise<DatabaseSync> {
  const database = guarded(file, () => new DatabaseSync(file, { timeout: 0 }))
  try {
    await patiently(() => makeOurs(database, file), file, PATIENCE_MS)
    guarded(file, () => {
      database.exec('pragma synchronous = full')
      database.exec('pragma foreign_keys = on')
      database.exec(`pragma wal_autocheckpoint = ${LOG_PAGES}`)
    })
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

/** Throws SQLite's own error when another process is at it: not all of what it does for that waits by SQLite's timeout. */
function makeOurs(database: DatabaseSync, file: string): void {
  if (!isOurs(database)) throw notOurs(file)
  if (value(database, 'pragma application_id') !== APPLICATION_ID)
    database.exec(`pragma application_id = ${APPLICATION_ID}`)
  if (value(database, 'pragma journal_mode') !== 'wal') database.exec('pragma journal_mode = wal')
}

function isOurs(database: DatabaseSync): boolean {
  if (isStore(database) || value(database, 'select count(*) from sqlite_schema') === 0) return true
  // Between the two looks another process may have made it one, which says so before it makes tables.
  return isStore(database)
}

/** Whether it was ever opened as a store of ours. */
function isStore(database: DatabaseSync): boolean {
  return value(database, 'pragma application_id') === APPLICATION_ID
}

/** Throws DirectError `STORE_FAILED` for a file that is no store of ours, or cannot be read. */
export function requireStore(database: DatabaseSync, file: string): void {
  guarded(file, () => {
    if (!isStore(database)) throw notOurs(file)
  })
}

/**
 * That nobody else has the file open; from then on it is out of WAL mode, and all of it is in one file, until it is opened
 * as a store again. False: somebody has. Throws DirectError as `openDatabase`.
 */
export function isAlone(database: DatabaseSync, file: string): boolean {
  try {
    return value(database, 'pragma journal_mode = delete') === 'delete'
  } catch (error) {
    if (isBusy(error)) return false
    throw storeError(error, file)
  }
}

/**
 * Closes it, and leaves the log that lies there: whoever closes a database last takes the log into it, as far as it knows
 * it, and removes it by its name. Whoever may only read does neither, and with it nobody else was the last.
 */
export function closeBesideLog(database: DatabaseSync, file: string): void {
  using reader = new DatabaseSync(file, { readOnly: true })
  try {
    // What it reads is beside the point: from its first look on it is there.
    reader.prepare('select 1 from sqlite_schema').get()
  } catch {
    // And there it is as well where it cannot make sense of another's log.
  }
  database.close()
}

function value(database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0]
}
