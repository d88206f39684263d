import { setTimeout as sleep } from 'node:timers/promises'
import { type Kysely, PostgresAdapter, sql } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import { synced } from './log-sync.ts'
import type { Schema, Tx } from './schema.ts'

/** Of the locks that a PostgreSQL database gives by number, ours ("DirA"). */
const TURN = 0x44697241
/** How long a transaction is asked after whose end was not heard, and how often. */
const ASKING_MS = 30_000
const BETWEEN_MS = 200

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
  if (!isShared(db)) {
    const result = await db.transaction().execute(act)
    await synced(db)
    return result
  }
  const seen: { transaction?: string; result?: T } = {}
  try {
    // As of before the turn came it would read what has changed since, whatever a database does by default.
    const transactions = db.transaction().setIsolationLevel('read committed')
    return await transactions.execute(async (tx) => {
      const transaction = await takeTurn(tx)
      const result = await act(tx)
      Object.assign(seen, { transaction, result })
      return result
    })
  } catch (error) {
    // All that was left to do is COMMIT: its answer may be lost, and what it did is known to the server.
    if (seen.transaction === undefined || !(await isCommitted(db, seen.transaction))) throw error
    return seen.result as T
  }
}

/** Waits until no other transaction has the turn; this one has it until it ends. The transaction, by its number. */
export async function takeTurn(tx: Tx): Promise<string> {
  const { rows } = await sql<{ transaction: string }>`
    select pg_advisory_xact_lock(${sql.lit(TURN)}), pg_current_xact_id()::text as transaction`.execute(tx)
  return rows[0]?.transaction ?? ''
}

/** False as well where that cannot be learned within half a minute. */
async function isCommitted(db: Kysely<Schema>, transaction: string): Promise<boolean> {
  for (const deadline = performance.now() + ASKING_MS; performance.now() < deadline; ) {
    const status = await statusOf(db, transaction)
    if (status !== null && status !== 'in progress') return status === 'committed'
    await sleep(BETWEEN_MS)
  }
  return false
}

/** Null: nobody answers. */
async function statusOf(db: Kysely<Schema>, transaction: string): Promise<string | null> {
  try {
    const { rows } = await sql<{ status: string | null }>`
      select pg_xact_status(cast(${transaction} as xid8)) as status`.execute(db)
    return rows[0]?.status ?? null
  } catch (error) {
    if (error instanceof DirectError && error.temporary) return null
    throw error
  }
}

/** Reads as of one moment, though others go on writing. */
export async function asOfNow<T>(db: Kysely<Schema>, act: (tx: Tx) => Promise<T>): Promise<T> {
  return await db.transaction().setAccessMode('read only').setIsolationLevel('repeatable read').execute(act)
}
