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
import { NodeSqliteAdapter } from './sqlite/adapter.ts'

/** The values of a prepared query as it is built: they stand where a value may, and nothing can be known of them yet. */
export type Bound<Values> = { readonly [Name in keyof Values]: RawBuilder<Exclude<Values[Name], undefined>> }

/** What a query that returns nothing has for rows: none. */
type RowOf<Output> = Output extends InsertResult | UpdateResult | DeleteResult ? never : Output

/** A place in a compiled query that a value of one of the rows it is given is to be put into. */
class Slot {
  readonly row: number
  readonly name: string

  constructor(row: number, name: string) {
    this.row = row
    this.name = name
  }
}

/** A query compiled for one database: its parameters, and which of them are the values of a call. */
interface Template {
  readonly query: CompiledQuery
  readonly names: readonly string[]
}

/** Rows of one statement: each number of them is a query of its own, which is kept. */
const MOST_ROWS = 8

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
  return new Prepared((db, [values]) => build(db, values as Bound<Values>))
}

/** The same for rows that are written together, however many: in as few statements as may be. */
export function preparedRows<Row extends object>(
  build: (db: Kysely<Schema>, rows: readonly Bound<Row>[]) => Compilable,
): PreparedRows<Row> {
  return new PreparedRows(build)
}

/** See `preparedRows`. */
export class PreparedRows<Row extends object> {
  readonly #query: Prepared<Row, unknown>

  constructor(build: (db: Kysely<Schema>, rows: readonly Bound<Row>[]) => Compilable) {
    this.#query = new Prepared(build)
  }

  async execute(db: Kysely<Schema>, rows: readonly Row[]): Promise<void> {
    for (let from = 0; from < rows.length; from += MOST_ROWS)
      await this.#query.executeOf(db, rows.slice(from, from + MOST_ROWS))
  }
}

type Build<Values> = (db: Kysely<Schema>, rows: readonly Bound<Values>[]) => Compilable

/** See `prepared`. */
export class Prepared<Values extends object, Row> {
  readonly #build: Build<Values>
  /** By the adapter of a database, which its transactions share, and by the number of rows. */
  readonly #templates = new WeakMap<object, Template[]>()

  constructor(build: Build<Values>) {
    this.#build = build
  }

  async execute(db: Kysely<Schema>, values: Values): Promise<Row[]> {
    return await this.executeOf(db, [values])
  }

  /** Of several rows by the same names, at least one. */
  async executeOf(db: Kysely<Schema>, rows: readonly Values[]): Promise<Row[]> {
    const { query, names } = this.#templateFor(db, rows)
    const parameters = bind(query, names, rows)
    const { adapter } = db.getExecutor()
    // Whoever has SQLite's transaction has its one connection, and need not wait until kysely provides it.
    if (db.isTransaction && adapter instanceof NodeSqliteAdapter)
      return adapter.runWithin(query.sql, parameters) as Row[]
    const { rows: found } = await db.executeQuery({ ...query, parameters })
    return found as Row[]
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

  #templateFor(db: Kysely<Schema>, rows: readonly Values[]): Template {
    const { adapter } = db.getExecutor()
    const templates = this.#templates.get(adapter) ?? []
    this.#templates.set(adapter, templates)
    const known = templates[rows.length]
    if (known !== undefined) return known
    const names = Object.keys(rows[0] ?? {})
    const slots = rows.map((_, row) =>
      Object.fromEntries(names.map((name) => [name, sql.val(new Slot(row, name))])),
    )
    const query = this.#build(db, slots as Bound<unknown>[] as Bound<Values>[]).compile()
    const template = { query, names }
    templates[rows.length] = template
    return template
  }
}

function bind(
  { parameters }: CompiledQuery,
  names: readonly string[],
  rows: readonly object[],
): readonly unknown[] {
  const given = rows as readonly Readonly<Record<string, unknown>>[]
  for (const row of given)
    if (Object.keys(row).length !== names.length || names.some((name) => row[name] === undefined))
      throw new TypeError(`a prepared query takes ${names.join(', ')}`)
  return parameters.map((one) => (one instanceof Slot ? given[one.row]?.[one.name] : one))
}
