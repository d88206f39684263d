import { type Kysely, sql } from 'kysely'
import { together } from './postgres/together.ts'
import type { Schema, Tx } from './schema.ts'
import { isShared } from './turn.ts'

/**
 * A transaction that only a loss of power may undo, and with it everything after it: it is not waited for until it is on
 * the disk. Whatever names what was written is a transaction that is, and that takes this one with it, as the log is
 * written in order (sqlite.org/wal.html; PostgreSQL, Asynchronous Commit). A killed process loses nothing. Others may write
 * beside it where they share a database.
 */
export async function loosely<T>(db: Kysely<Schema>, act: (tx: Tx) => Promise<T>): Promise<T> {
  if (isShared(db)) return await together(db, sql`set_config('synchronous_commit', 'off', true)`, act)
  return await db.transaction().execute(act)
}
