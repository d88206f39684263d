import { isIP } from 'node:net'

/** Where a PostgreSQL database is, and as whom it is opened. */
export interface PostgresPlace {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** Asked for when a connection is made. Undefined: the server asks for none. */
  readonly password?: (() => Promise<string>) | undefined
  /** CA certificates (PEM) to believe instead of the system's. */
  readonly ca?: string | undefined
  /** At once, at most; 8 when it is left out. */
  readonly connections?: number | undefined
}

/** Where a store is: the path of a SQLite file, or `:memory:`; or a PostgreSQL database. */
export type StorePlace = { readonly file: string } | { readonly postgres: PostgresPlace }

/** Where a backup goes back to. A database needs a file beside it, which nobody has, to make the backup ready in. */
export type RestorePlace =
  | { readonly file: string }
  | { readonly postgres: PostgresPlace; readonly draft: string }

/** For messages: without a password. */
export function describePlace({ host, port, database }: PostgresPlace): string {
  return `the store postgres://${isIP(host) === 6 ? `[${host}]` : host}:${port}/${database}`
}

/** Nobody else is on the way there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
