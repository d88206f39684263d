import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { inject, test } from 'vitest'
import { type OpenStoreOptions, openStore, type PostgresPlace, type Store } from '../../store/index.ts'
import { type Told, textOf } from './place-text.ts'

/** A PostgreSQL server whose databases are those of this run, and one among them that new ones are made after. */
export interface GivenPostgres extends Omit<PostgresPlace, 'database' | 'password'> {
  readonly password: string
  readonly template: string
  /** Who may do everything. */
  readonly administrator: { readonly user: string; readonly password: string }
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: GivenPostgres
  }
}

/** Undefined in the run over SQLite; the run over PostgreSQL is a project of its own (vitest.config.ts). */
const postgres: GivenPostgres | undefined = inject('postgres')

type Options = Pick<OpenStoreOptions, 'now' | 'mdnsPerHour'>

/** Where a test may have a store, of the kind that this run is over; goes with all that is in it. */
export interface TestPlace extends AsyncDisposable {
  /** A folder, for what else a test writes. */
  readonly path: string
  /** For another process (`child`). */
  readonly told: string
  open(options?: Options): Promise<Store>
  /** What another program than ours does in the database: the rows of one statement, or nothing of several. */
  sql(text: string): Promise<readonly Record<string, unknown>[]>
}

export async function folder(): Promise<TestPlace & { readonly file: string }> {
  const path = await mkdtemp(join(tmpdir(), 'direct-store-'))
  const file = join(path, 'data', 'store.db')
  const made = postgres === undefined ? onSqlite(file) : await onPostgres(postgres)
  return {
    path,
    file,
    ...made,
    told: textOf(made.told),
    [Symbol.asyncDispose]: async () => {
      await made.drop()
      await rm(path, { recursive: true, force: true })
    },
  }
}

/** A store of its own, of which nothing is left when it is closed. */
export async function memoryStore(options: Options = {}): Promise<Store> {
  if (postgres === undefined) return openStore({ file: ':memory:', ...options })
  const { open, drop } = await onPostgres(postgres)
  const store = await open(options)
  return new Proxy(store, {
    get: (target, key) =>
      key === Symbol.asyncDispose
        ? async () => {
            await target[Symbol.asyncDispose]()
            await drop()
          }
        : Reflect.get(target, key),
  })
}

/** Whether this run is over SQLite: what a file alone can show, or SQLite's own plans, is no part of the other. */
export const isSqlite = postgres === undefined

/** A test of what a file alone can show. */
export function ofSqlite(name: string, act: () => Promise<void>): void {
  if (isSqlite) test(name, act)
}

function onSqlite(file: string) {
  return {
    told: { file } as Told,
    open: (options: Options = {}) => openStore({ file, ...options }),
    sql: async (text: string) => {
      using database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
      const statement = database.prepare(text)
      if (statement.columns().length > 0) return statement.all()
      database.exec(text)
      return []
    },
    drop: async () => undefined,
  }
}

async function onPostgres({ template, administrator, ...server }: GivenPostgres) {
  const database = `test_${randomBytes(8).toString('hex')}`
  const ask = async (text: string, within = database, first = '') => {
    const client = new pg.Client({ ...server, ...administrator, database: within, ssl: false })
    await client.connect()
    try {
      if (first !== '') await client.query(first)
      return (await client.query<Record<string, unknown>>(text)).rows ?? []
    } finally {
      await client.end()
    }
  }
  await ask(`create database ${database} owner ${server.user} template ${template}`, 'postgres')
  const place = { ...server, database, password: async () => server.password }
  return {
    told: { ...server, database } as Told,
    open: (options: Options = {}) => openStore({ postgres: place, ...options }),
    // References are not looked at, as SQLite does not for who does not ask it to.
    sql: (text: string) => ask(text, database, 'set session_replication_role = replica'),
    drop: () => ask(`drop database ${database} with (force)`, 'postgres'),
  }
}
