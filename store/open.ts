import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Kysely } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import { SqlAudit } from './audit.ts'
import { SqlBodies, sweepBodies } from './bodies.ts'
import { SqlBook } from './book.ts'
import { SqlCapabilities } from './capabilities.ts'
import { SqlFetches } from './fetches.ts'
import { SqlInbox } from './inbox.ts'
import { migrate } from './migrate.ts'
import { SqlOutbox } from './outbox.ts'
import { makeOwnFile } from './own-file.ts'
import type { Schema } from './schema.ts'
import { NodeSqliteDialect, openDatabase } from './sqlite-dialect.ts'
import type { Store } from './store.ts'
import { SqlTracking } from './tracking.ts'
import { SqlTrust } from './trust.ts'
import { SqlUpkeep } from './upkeep.ts'
import { SqlWaiting } from './waiting.ts'

export interface OpenStoreOptions {
  /** Path of the database, made with its folder if it is missing (0600 in 0700), or `:memory:`. */
  readonly file: string
  /** The clock for what the store dates by itself: bodies, and the sweep of abandoned ones. */
  readonly now?: () => Date
  /** MDNs that go to one correspondent within an hour at most; 20,000 when it is left out. */
  readonly mdnsPerHour?: number | undefined
}

/**
 * Opens the store; several processes may have one file open at once. Throws DirectError: `FILE_UNWRITABLE` when
 * the folder or file cannot be had, `STORE_FAILED` when the file is not a store, or a newer one (it is left as it is).
 */
export async function openStore({
  file,
  now = () => new Date(),
  mdnsPerHour,
}: OpenStoreOptions): Promise<Store> {
  const onDisk = file !== ':memory:'
  if (onDisk) await makeStoreFile(file)
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(openDatabase(file), file) })
  try {
    await migrate(db, now, file)
    if (onDisk) await reporting(file, () => closeToOthers(file))
    await sweepBodies(db, now())
  } catch (error) {
    await db.destroy()
    throw error
  }
  return new SqlStore(db, now, file, mdnsPerHour)
}

class SqlStore implements Store {
  readonly bodies: SqlBodies
  readonly outbox: SqlOutbox
  readonly waiting: SqlWaiting
  readonly inbox: SqlInbox
  readonly tracking: SqlTracking
  readonly audit: SqlAudit
  readonly fetches: SqlFetches
  readonly trust: SqlTrust
  readonly book: SqlBook
  readonly capabilities: SqlCapabilities
  readonly upkeep: SqlUpkeep
  readonly #db: Kysely<Schema>
  #closed: Promise<void> | null = null

  constructor(db: Kysely<Schema>, now: () => Date, file: string, mdnsPerHour: number | undefined) {
    this.#db = db
    this.bodies = new SqlBodies(db, now)
    this.outbox = new SqlOutbox(db)
    this.waiting = new SqlWaiting(db)
    this.inbox = new SqlInbox(db, mdnsPerHour)
    this.tracking = new SqlTracking(db)
    this.audit = new SqlAudit(db)
    this.fetches = new SqlFetches(db)
    this.trust = new SqlTrust(db)
    this.book = new SqlBook(db)
    this.capabilities = new SqlCapabilities(db)
    this.upkeep = new SqlUpkeep(db, file)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    await this.#closed
  }

  /** Waits its turn behind the transactions that were begun before it. */
  async #close(): Promise<void> {
    await this.#db.connection().execute(async () => {})
    await this.#db.destroy()
  }
}

/** The file, empty, with its folder, where they are missing. Throws DirectError `FILE_UNWRITABLE`. */
export async function makeStoreFile(file: string): Promise<void> {
  await reporting(file, async () => {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await makeOwnFile(file)
  })
}

/** Once the file is known to be ours; from then on SQLite gives its mode to every -wal and -shm that it makes. */
async function closeToOthers(file: string): Promise<void> {
  for (const name of [file, `${file}-wal`, `${file}-shm`]) await chmod(name, 0o600)
  // A folder that belongs to someone else, or to everyone (sticky), is not ours to close; its files are closed.
  const folder = dirname(file)
  const { mode, uid } = await stat(folder)
  if ((mode & 0o1077) !== 0 && (mode & 0o1000) === 0 && uid === process.getuid?.()) await chmod(folder, 0o700)
}

async function reporting(file: string, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (error instanceof DirectError) throw error
    const said = error instanceof Error ? error.message : String(error)
    throw new DirectError('FILE_UNWRITABLE', `the store ${file} cannot be opened: ${said}`, {
      hint: `Let the user that runs direct-agent own the folder ${dirname(file)}, or name another dataDir.`,
      cause: error,
    })
  }
}
