import type { PostgresPlace } from './postgres-pool.ts'

/** Where a store is: the path of a SQLite file, or `:memory:`; or a PostgreSQL database. */
export type StorePlace = { readonly file: string } | { readonly postgres: PostgresPlace }

/** Where a backup goes back to. A database needs a file beside it, which nobody has, to make the backup ready in. */
export type RestorePlace =
  | { readonly file: string }
  | { readonly postgres: PostgresPlace; readonly draft: string }
