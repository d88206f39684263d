import {
  type Compilable,
  type CompiledQuery,
  type DeleteResult,
  type InsertResult,
  type Kysely,
  type RawBuilder,
  sql,
  type UpdateResult,
} from 'kysely'
import { DirectError } from '../agent/errors.ts'
import type { Schema } from './schema.ts'
import { NodeSqliteAdapter } from './sqlite-adapter.ts'

/** The values of a prepared query as it is built: they stand where a value may, and nothing can be known of them yet. */
export type Bound<Values> = { readonly [Name in keyof Values]: RawBuilder<Exclude<Values[Name], undefined>> }

/** What a query that returns nothing has for rows: none. */
type RowOf<Output> = Output extends InsertResult | UpdateResult | DeleteResult ? never : Output

/** A place in a compiled query that a value is to be put into. */
class Slot {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** A query compiled for one database: its parameters, and which of them are the values of a call. */
interface Template {
  readonly query: CompiledQuery
  readonly names: readonly string[]
}

/**
 * A query that is written with kysely and compiled once for each database, as building and compiling it takes several
 * times as long as SQLite takes to run it. Each call gives a value for every name that the first one named:
 *
 *     const bodyOf = prepared((db, { id }: Bound<{ id: number }>) =>
 *       db.selectFrom('bodies').select('bytes').where('id', '=', id))
 *     const row = await bodyOf.executeTakeFirst(tx, { id: 7 })
 *
 * For every query that a message, or what answers it, takes on its usual way. What is the exception there, or asked once a
 * pass, is not worth a name of its own; what depends on how many values there are has to be built anew.
 */
export function prepared<Values extends object, Output>(
  build: (db: Kysely<Schema>, values: Bound<Values>) => Compilable<Output>,
): Prepared<Values, RowOf<Output>> {
  return new Prepared(build)
}

/** See `prepared`. */
export class Prepared<Values extends object, Row> {
  readonly #build: (db: Kysely<Schema>, values: Bound<Values>) => Compilable
  /** By the adapter of a database, which its transactions share. */
  readonly #templates = new WeakMap<object, Template>()

  constructor(build: (db: Kysely<Schema>, values: Bound<Values>) => Compilable) {
    this.#build = build
  }

  async execute(db: Kysely<Schema>, values: Values): Promise<Row[]> {
    const { query, names } = this.#templateFor(db, values)
    const parameters = bind(query, names, values)
    const { adapter } = db.getExecutor()
    // Whoever has SQLite's transaction has its one connection, and need not wait until kysely provides it.
    if (db.isTransaction && adapter instanceof NodeSqliteAdapter)
      return adapter.runWithin(query.sql, parameters) as Row[]
    const { rows } = await db.executeQuery({ ...query, parameters })
    return rows as Row[]
  }

  async executeTakeFirst(db: Kysely<Schema>, values: Values): Promise<Row | undefined> {
    const [first] = await this.execute(db, values)
    return first
  }

  /** Throws DirectError STORE_FAILED where there is no row. */
  async executeTakeFirstOrThrow(db: Kysely<Schema>, values: Values): Promise<Row> {
    const [first] = await this.execute(db, values)
    if (first === undefined)
      throw new DirectError('STORE_FAILED', 'the store lacks a row that has to be there')
    return first
  }

  #templateFor(db: Kysely<Schema>, values: Values): Template {
    const { adapter } = db.getExecutor()
    let template = this.#templates.get(adapter)
    if (template === undefined) {
      const names = Object.keys(values)
      const slots = Object.fromEntries(names.map((name) => [name, sql.val(new Slot(name))]))
      template = { query: this.#build(db, slots as Bound<unknown> as Bound<Values>).compile(), names }
      this.#templates.set(adapter, template)
    }
    return template
  }
}

function bind({ parameters }: CompiledQuery, names: readonly string[], values: object): readonly unknown[] {
  const given = values as Readonly<Record<string, unknown>>
  if (Object.keys(given).length !== names.length || names.some((name) => given[name] === undefined))
    throw new TypeError(`a prepared query takes ${names.join(', ')}`)
  return parameters.map((one) => (one instanceof Slot ? given[one.name] : one))
}
