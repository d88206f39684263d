import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import {
  type DatabaseConnection,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  type SqliteStatement,
  type TransactionSettings,
} from 'kysely'
import { DirectError } from '../agent/errors.ts'
import { type ClosableDialect, closed } from './database.ts'
import { asKept } from './kept-text.ts'
import type { LogSync } from './log-sync.ts'
import { NodeSqliteAdapter, type RunWithin } from './sqlite-adapter.ts'

interface SqliteOptions {
  /** How long a writing transaction waits for those of other processes, in milliseconds. */
  readonly patienceMs?: number
  /** Who waits for the disk; null or absent: COMMIT does. */
  readonly log?: LogSync | null
}

/**
 * kysely's own SQLite dialect over node:sqlite: one connection, which kysely hands to one transaction at a time.
 */
export class NodeSqliteDialect extends SqliteDialect implements ClosableDialect {
  readonly #driver: () => SqliteDriver
  readonly #log: LogSync | null
  readonly #database: DatabaseSync
  readonly #runWithin: RunWithin

  /** `file`: for messages. */
  constructor(
    database: DatabaseSync,
    file: string,
    { patienceMs = PATIENCE_MS, log = null }: SqliteOptions = {},
  ) {
    const statements = inKyselysShape(database, file)
    const config = { database: statements }
    super(config)
    this.#log = log
    this.#database = database
    this.#runWithin = (sql, parameters) => {
      if (!database.isTransaction) throw new TypeError('a transaction was used after its end')
      const { reader, all, run } = statements.prepare(sql)
      if (reader) return all(parameters)
      run(parameters)
      return []
    }
    // COMMIT writes, and its wait for the disk is the log's.
    if (log !== null) database.exec('pragma synchronous = normal')
    this.#driver = () =>
      new ImmediateDriver(config, database, { file, patienceMs, close: () => this.close() })
  }

  async close(): Promise<void> {
    if (!this.#database.isOpen) return
    this.#database.close()
    await this.#log?.[Symbol.asyncDispose]()
  }

  override createDriver(): SqliteDriver {
    return this.#driver()
  }

  override createAdapter(): NodeSqliteAdapter {
    return new NodeSqliteAdapter(this.#log, this.#runWithin)
  }
}

const PATIENCE_MS = 10_000

class ImmediateDriver extends SqliteDriver {
  readonly #database: DatabaseSync
  readonly #file: string
  readonly #patienceMs: number
  readonly #close: () => Promise<void>

  constructor(
    config: SqliteDialectConfig,
    database: DatabaseSync,
    { file, patienceMs, close }: { file: string; patienceMs: number; close: () => Promise<void> },
  ) {
    super(config)
    this.#database = database
    this.#file = file
    this.#patienceMs = patienceMs
    this.#close = close
  }

  /**
   * BEGIN IMMEDIATE: two transactions that both read before they write could never get past each other. The wait
   * for another writer is asynchronous, for that writer may be a second store in this very process. And as SQLite
   * itself is synchronous here, sockets and timers get their turn before each transaction.
   */
  override async beginTransaction(
    _connection: DatabaseConnection,
    { accessMode }: TransactionSettings = {},
  ): Promise<void> {
    await turn()
    requireOpen(this.#database, this.#file)
    if (accessMode === 'read only') return guarded(this.#file, () => this.#database.exec('begin'))
    const begin = () => {
      try {
        this.#database.exec('pragma busy_timeout = 0')
        this.#database.exec('begin immediate')
      } finally {
        this.#database.exec(`pragma busy_timeout = ${PATIENCE_MS}`)
      }
    }
    await patiently(begin, this.#file, this.#patienceMs)
  }

  override async destroy(): Promise<void> {
    await this.#close()
  }

  /** Where SQLite has already rolled back by itself (disk full), a second rollback would hide the reason. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.isTransaction) await super.rollbackTransaction(connection)
  }
}

/** Prepared statements that are kept: preparing one takes longer than most of them take to run. */
const MOST_KEPT = 200

function inKyselysShape(database: DatabaseSync, file: string) {
  const kept = new Map<string, SqliteStatement>()
  return {
    prepare: (sql: string) => {
      requireOpen(database, file)
      const known = kept.get(sql) ?? statement(database, sql, file)
      // Lists of values make ever new ones: what was kept longest goes first.
      if (kept.size >= MOST_KEPT && !kept.has(sql)) kept.delete([...kept.keys()][0] ?? sql)
      kept.set(sql, known)
      return known
    },
    close: () => database.close(),
  }
}

function requireOpen(database: DatabaseSync, file: string): void {
  if (!database.isOpen) throw closed(`the store ${file}`)
}

function statement(database: DatabaseSync, sql: string, file: string): SqliteStatement {
  const prepared: StatementSync = guarded(file, () => database.prepare(sql))
  return {
    reader: prepared.columns().length > 0,
    all: (parameters) => guarded(file, () => prepared.all(...inputs(parameters))),
    run: (parameters) => guarded(file, () => prepared.run(...inputs(parameters))),
    // Its own: two that read side by side must not share a place in the rows.
    iterate: (parameters) => guarded(file, () => database.prepare(sql)).iterate(...inputs(parameters)),
  }
}

function inputs(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map(asKept) as SQLInputValue[]
}

/**
 * Pages of the log (4 KB each) after which SQLite brings them into the database's own file, for which all of this process
 * stops. Its 1000 are reached after thirty messages, and take a fifth of the time of sending them.
 */
const LOG_PAGES = 4000

/** Says that a SQLite file is ours, in its header ("DirA"). */
const APPLICATION_ID = 0x44697241

/**
 * Opens the file, refuses one that is not ours without changing a byte of it, and sets what durability asks for:
 * WAL with synchronous FULL, so that a finished transaction survives the loss of power.
 */
export async function openDatabase(file: string): Promise<DatabaseSync> {
  const database = guarded(file, () => new DatabaseSync(file, { timeout: 0 }))
  try {
    await patiently(() => makeOurs(database, file), file, PATIENCE_MS)
    guarded(file, () => {
      database.exec(`pragma busy_timeout = ${PATIENCE_MS}`)
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
  return isStore(database) || value(database, 'select count(*) from sqlite_schema') === 0
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

function value(database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0]
}

function notOurs(file: string): DirectError {
  return new DirectError('STORE_FAILED', `${file} is not a store of direct-agent; it was left as it is`, {
    hint: 'Name another dataDir, or move that file away.',
  })
}

/** Does `act` until nobody else is in its way, for `patienceMs`; the wait is asynchronous. */
async function patiently(act: () => void, file: string, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    try {
      return act()
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw storeError(error, file)
    }
    await sleep(pause)
  }
}

function guarded<T>(file: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw storeError(error, file)
  }
}

/** SQLite's primary result codes (sqlite.org/rescode.html) that a person can do something about. */
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26
const HINTS = new Map<number, string>([
  [BUSY, 'Another process holds the store; try again when it has finished.'],
  [LOCKED, 'Another process holds the store; try again when it has finished.'],
  [READONLY, 'Let the user that runs direct-agent write the file and its folder.'],
  [IOERR, 'Look after the disk; nothing of this step was kept.'],
  [FULL, 'Make room on the disk; nothing of this step was kept.'],
  [CANTOPEN, 'Let the user that runs direct-agent read and write the file and its folder.'],
])

function primaryCode(error: unknown): number | null {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : null
  return typeof errcode === 'number' ? errcode & 0xff : null
}

/** Whether SQLite refused because somebody else holds the file. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === BUSY
}

/** What SQLite threw as DirectError `STORE_FAILED`. Its messages name tables and columns, never values. */
export function storeError(error: unknown, file: string): unknown {
  const code = primaryCode(error)
  if (code === null) return error
  if (code === NOTADB) return notOurs(file)
  if (code === CORRUPT)
    return new DirectError('STORE_DAMAGED', `the store ${file} is damaged: ${(error as Error).message}`, {
      hint: 'Look after the disk, take a copy of the folder, and restore a backup (direct store restore).',
      cause: error,
    })
  const hint = HINTS.get(code)
  return new DirectError('STORE_FAILED', `the store ${file} failed: ${(error as Error).message}`, {
    ...(hint === undefined ? {} : { hint }),
    // A disk that failed once is no reason to stay away for good: whoever keeps the daemon running tries again.
    temporary: code === BUSY || code === LOCKED || code === FULL || code === IOERR,
    cause: error,
  })
}
