import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  SqliteDialect,
  SqliteDriver,
  type SqliteStatement,
  type TransactionSettings,
} from 'kysely'
import { type ClosableDialect, closed } from '../database.ts'
import { asKept } from '../kept-text.ts'
import { NodeSqliteAdapter, type RunWithin } from './adapter.ts'
import { NodeSqliteCompiler } from './compiler.ts'
import { guarded, patiently } from './errors.ts'
import { closeBesideLog, PATIENCE_MS } from './file.ts'
import { InPlace } from './in-place.ts'
import type { LogSync } from './log-sync.ts'

interface SqliteOptions {
  /** How long what another process is in the way of is tried again, in milliseconds. */
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
  readonly #file: string
  readonly #place: InPlace | null

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
    // A store has a log: what is read or drawn up beside it is this process's own.
    const place = log === null ? null : new InPlace(file)
    this.#file = file
    this.#place = place
    const close = () => this.close()
    this.#driver = () => new PatientDriver(config, database, { file, patienceMs, place, close })
  }

  async close(): Promise<void> {
    if (!this.#database.isOpen) return
    if (this.#place?.hasAnothersLog()) closeBesideLog(this.#database, this.#file)
    else this.#database.close()
    this.#place?.forget()
    await this.#log?.[Symbol.asyncDispose]()
  }

  override createDriver(): SqliteDriver {
    return this.#driver()
  }

  override createQueryCompiler(): NodeSqliteCompiler {
    return new NodeSqliteCompiler()
  }

  override createAdapter(): NodeSqliteAdapter {
    return new NodeSqliteAdapter(this.#log, this.#runWithin)
  }
}

/**
 * The one connection, which waits for whoever is in the way of a statement: of one that writes without a transaction, and
 * of any while the log is recovered, or the file is taken out of WAL mode. What SQLite has refused has done nothing.
 */
class PatientConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection
  readonly #patiently: <T>(act: () => T | Promise<T>) => Promise<T>

  constructor(connection: DatabaseConnection, patiently: <T>(act: () => T | Promise<T>) => Promise<T>) {
    this.#connection = connection
    this.#patiently = patiently
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#patiently(() => this.#connection.executeQuery<R>(query))
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    return this.#connection.streamQuery(query, chunkSize)
  }
}

interface DriverOptions {
  readonly file: string
  readonly patienceMs: number
  readonly place: InPlace | null
  readonly close: () => Promise<void>
}

class PatientDriver extends SqliteDriver {
  readonly #statements: Statements
  readonly #database: DatabaseSync
  readonly #file: string
  readonly #patiently: <T>(act: () => T | Promise<T>) => Promise<T>
  readonly #place: InPlace | null
  readonly #close: () => Promise<void>
  #connection: DatabaseConnection | null = null

  constructor(
    config: { readonly database: Statements },
    database: DatabaseSync,
    { file, patienceMs, place, close }: DriverOptions,
  ) {
    super(config)
    this.#statements = config.database
    this.#database = database
    this.#file = file
    this.#patiently = (act) => patiently(act, file, patienceMs)
    this.#place = place
    this.#close = close
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.#connection ??= new PatientConnection(await super.acquireConnection(), (act) => {
      requireOpen(this.#database, this.#file)
      // A transaction was begun in its place.
      if (!this.#database.isTransaction) this.#place?.require()
      return this.#patiently(act)
    })
    return this.#connection
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
    this.#place?.require()
    await this.#patiently(() => {
      if (accessMode === 'read only') this.#beginToRead()
      else this.#statements.prepare('begin immediate').run([])
    })
    this.#place?.remember()
  }

  /** What is read is as of the first look, which alone may have to wait: it is taken here. */
  #beginToRead(): void {
    this.#database.exec('begin')
    try {
      this.#database.exec('select 1 from sqlite_schema limit 1')
    } catch (error) {
      this.#database.exec('rollback')
      throw error
    }
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

type Statements = ReturnType<typeof inKyselysShape>

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
