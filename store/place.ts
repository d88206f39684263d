import type { PostgresPlace } from './postgres-pool.ts'

/** Where a store is: the path of a SQLite file, or `:memory:`; or a PostgreSQL database. */
export type StorePlace = { readonly file: string } | { readonly postgres: PostgresPlace }
