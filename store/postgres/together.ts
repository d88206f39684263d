import { type Kysely, type RawBuilder, sql } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import type { Written } from '../audit-chain.ts'
import type { Schema, Tx } from '../schema.ts'
import { requireSameTime, SERVER_NOW } from './server.ts'

interface Known {
  /** The row of the audit that this process wrote last into a database. Null: nothing yet. */
  written: Written | null
  /** That it is noted in the database that it went back, once for all who find it out side by side; null: it is not. */
  noted: Promise<void> | null
  /** That the database went back; null: it did not. */
  wentBack: WentBack | null
}

const known = new WeakMap<Kysely<Schema>, Known>()

/** The database is another one by now, and whatever this process has in mind is of the one that it was. */
export class WentBack extends DirectError {}

/** To be called once it is committed. */
export function wrote(db: Kysely<Schema>, row: Written): void {
  const at = knownOf(db)
  // Two that were committed one after the other may be told of in any order.
  if (row.last > (at.written?.last ?? 0)) at.written = row
}

/**
 * A transaction beside those of others. It begins with the question `first`; a clock that is not the server's, and a
 * database that has lost what this process wrote, are refused: a standby that lagged, and has taken its server's place, may
 * give another message the number of one that this process is at. Throws DirectError `STORE_FAILED`, temporary, and
 * `STORE_WENT_BACK` from then on.
 */
export async function together<T>(
  db: Kysely<Schema>,
  first: RawBuilder<unknown>,
  act: (tx: Tx) => Promise<T>,
): Promise<T> {
  const at = knownOf(db)
  if (at.wentBack !== null) throw at.wentBack
  // As of before the turn came it would read what has changed since, whatever a database does by default.
  const transactions = db.transaction().setIsolationLevel('read committed')
  try {
    return await transactions.execute(async (tx) => {
      const [{ written }, asked] = [at, Date.now()]
      const { rows } = await sql<{ now: number; chain: string | null }>`
        select ${first}, ${SERVER_NOW} as now, ${chainOf(written)} as chain`.execute(tx)
      const { now = 0, chain = null } = rows[0] ?? {}
      requireSameTime(now, asked)
      if (written !== null && chain !== written.chain) await requirePruned(tx, written)
      return await act(tx)
    })
  } catch (error) {
    if (!(error instanceof WentBack)) throw error
    const { noteWentBack } = await import('./went-back.ts')
    at.noted ??= noteWentBack(db, at.written?.at ?? 0)
    await at.noted.catch((cause) => {
      at.noted = null
      throw cause
    })
    at.wentBack = error
    throw error
  }
}

function knownOf(db: Kysely<Schema>): Known {
  const at = known.get(db) ?? { written: null, noted: null, wentBack: null }
  known.set(db, at)
  return at
}

function chainOf(written: Written | null): RawBuilder<string | null> {
  if (written === null) return sql`null`
  return sql`(select chain from audit where id = ${written.last})`
}

/** Throws DirectError `STORE_WENT_BACK` where it was not `retention` that removed the row. */
async function requirePruned(tx: Tx, { last }: Written): Promise<void> {
  const head = await tx.selectFrom('audit_head').select('pruned_to').executeTakeFirst()
  if ((head?.pruned_to ?? 0) >= last) return
  throw new WentBack(
    'STORE_WENT_BACK',
    `row ${last} of the audit, which this process wrote, is not in the database any more: a standby that lagged behind its server has taken its place, or an older copy was put there`,
    {
      hint: 'What is queued there waits five minutes, for receipts that tell what has gone. Start whatever uses the store again; what was sent by it and is not in "direct status" is known to nobody but its recipients.',
      temporary: true,
    },
  )
}
