import { setTimeout as sleep } from 'node:timers/promises'
import { type Kysely, PostgresAdapter } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import { openAudit, type Written, writeAudit } from './audit-chain.ts'
import { TURN } from './postgres/server.ts'
import { together, WentBack, wrote } from './postgres/together.ts'
import type { Schema, Tx } from './schema.ts'
import { synced } from './synced.ts'

/** How long a transaction is asked after whose end was not heard, and how long between two questions. */
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
  const audited = async (tx: Tx) => {
    openAudit(tx)
    const result = await act(tx)
    return { result, row: await writeAudit(tx) }
  }
  if (!isShared(db)) {
    const { result } = await db.transaction().execute(audited)
    await synced(db)
    return result
  }
  // Where the answer to COMMIT is lost, the transaction is known by the last row of the audit that it has written.
  const seen: { row?: Written | undefined; result?: T } = {}
  try {
    const { result, row } = await alone(db, async (tx) => Object.assign(seen, await audited(tx)))
    if (row !== undefined) wrote(db, row)
    return result
  } catch (error) {
    // All that was left to do is COMMIT: its answer may be lost, and what it did lies in the database.
    if (seen.row === undefined || !(await isThere(db, seen.row))) throw error
    wrote(db, seen.row)
    return seen.result as T
  }
}

async function alone<T>(db: Kysely<Schema>, act: (tx: Tx) => Promise<T>): Promise<T> {
  return await together(db, TURN, act)
}

/**
 * Whoever has the turn comes behind the end of the transaction that is asked about. By its number it could not be asked
 * for: a standby that is the server by now may not have it, and give its number to another. False as well where nothing
 * can be learned within half a minute.
 */
async function isThere(db: Kysely<Schema>, { last, chain }: Written): Promise<boolean> {
  const row = (tx: Tx) => tx.selectFrom('audit').select('chain').where('id', '=', last).executeTakeFirst()
  for (const deadline = performance.now() + ASKING_MS; performance.now() < deadline; ) {
    try {
      return (await alone(db, row))?.chain === chain
    } catch (error) {
      if (!(error instanceof DirectError)) throw error
      if (!error.temporary || error instanceof WentBack) return false
    }
    await sleep(BETWEEN_MS)
  }
  return false
}

/** Reads as of one moment, though others go on writing. */
export async function asOfNow<T>(db: Kysely<Schema>, act: (tx: Tx) => Promise<T>): Promise<T> {
  return await db.transaction().setAccessMode('read only').setIsolationLevel('repeatable read').execute(act)
}
