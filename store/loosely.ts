import { type Kysely, sql } from 'kysely'
import { requireSameTime, SERVER_NOW } from './postgres/server.ts'
import type { Schema, Tx } from './schema.ts'
import { isShared } from './turn.ts'

/**
 * A transaction that only a loss of power may undo, and with it everything after it: it is not waited for until it is on
 * the disk. Whatever names what was written is a transaction that is, and that takes this one with it, as the log is
 * written in order (sqlite.org/wal.html; PostgreSQL, Asynchronous Commit). A killed process loses nothing. Others may write
 * beside it where they share a database.
 */
export async function loosely<T>(db: Kysely<Schema>, act: (tx: Tx) => Promise<T>): Promise<T> {
  if (isShared(db)) {
    const transactions = db.transaction().setIsolationLevel('read committed')
    return await transactions.execute(async (tx) => {
      const asked = Date.now()
      const { rows } = await sql<{ now: number }>`
        select set_config('synchronous_commit', 'off', true), ${SERVER_NOW} as now`.execute(tx)
      requireSameTime(rows[0]?.now ?? 0, asked)
      return await act(tx)
    })
  }
  return await db.transaction().execute(act)
}
