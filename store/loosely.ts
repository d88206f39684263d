import { type Kysely, sql } from 'kysely'
import type { Schema, Tx } from './schema.ts'

/**
 * A transaction that only a loss of power may undo, and with it everything after it: it is not waited for until it is on
 * the disk. Whatever names what was written is a transaction that is, and that takes this one with it, as the log is
 * written in order (sqlite.org/pragma.html, synchronous; sqlite.org/wal.html). A killed process loses nothing.
 */
export async function loosely<T>(db: Kysely<Schema>, act: (tx: Tx) => Promise<T>): Promise<T> {
  return await db.connection().execute(async (connection) => {
    await sql`pragma synchronous = normal`.execute(connection)
    try {
      return await connection.transaction().execute(act)
    } finally {
      await sql`pragma synchronous = full`.execute(connection)
    }
  })
}
