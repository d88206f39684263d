import { type Kysely, PostgresAdapter, sql } from 'kysely'
import type { Schema, Tx } from './schema.ts'

/** Of the locks that a PostgreSQL database gives by number, ours ("DirA"). */
const TURN = 0x44697241

/** Whether this is a database that several writers share at once. */
export function isShared(db: Kysely<Schema>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/**
 * A transaction that nobody else writes beside: one writer at a time, on SQLite by `begin immediate`, on PostgreSQL by a
 * lock that the transaction holds to its end. What is read in it stays true until it is written, and the rows of the
 * audit, each bound to the one before, come in one order.
 */
export async function inTurn<T>(db: Kysely<Schema>, act: (tx: Tx) => Promise<T>): Promise<T> {
  return await db.transaction().execute(async (tx) => {
    await takeTurn(tx)
    return await act(tx)
  })
}

/** Waits until no other transaction has the turn; this one has it until it ends. */
export async function takeTurn(tx: Tx): Promise<void> {
  // SQLite's transactions have had theirs since they began.
  if (isShared(tx)) await sql`select pg_advisory_xact_lock(${sql.lit(TURN)})`.execute(tx)
}

/** Reads as of one moment, though others go on writing. */
export async function asOfNow<T>(db: Kysely<Schema>, act: (tx: Tx) => Promise<T>): Promise<T> {
  return await db.transaction().setAccessMode('read only').setIsolationLevel('repeatable read').execute(act)
}
