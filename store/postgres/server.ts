import { type Kysely, sql } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import type { Schema } from '../schema.ts'

/** Older ones have had no fixes for years (postgresql.org/support/versioning). */
const OLDEST = 13
/** Copies are held for 30 s, by the clocks of the daemons that share them: these must agree. */
const MOST_APART_MS = 15_000

/** Throws DirectError `STORE_FAILED` where the server is too old, or keeps text or time as would not do. */
export async function requireServer(db: Kysely<Schema>, place: string): Promise<void> {
  const { rows } = await sql<{ version: number; encoding: string }>`
    select cast(current_setting('server_version_num') as integer) / 10000 as version,
      current_setting('server_encoding') as encoding`.execute(db)
  const { version = 0, encoding = '' } = rows[0] ?? {}
  if (version < OLDEST)
    throw new DirectError(
      'STORE_FAILED',
      `${place} is PostgreSQL ${version}; ${OLDEST} is the oldest that will do`,
    )
  if (encoding !== 'UTF8')
    throw new DirectError('STORE_FAILED', `${place} keeps text as ${encoding}, not as UTF8`, {
      hint: 'Make the database anew: createdb --encoding UTF8 --template template0 --owner USER NAME.',
    })
  requireNear(await clockDifference(db), place)
}

/** For its transaction alone, the lock that a database gives by our number ("DirA"): to be asked for with something else. */
export const TURN = sql`pg_advisory_xact_lock(${sql.lit(0x44697241)})`

/** Of the server, in milliseconds since 1970: to be asked for with something else. */
export const SERVER_NOW = sql<number>`extract(epoch from clock_timestamp()) * 1000`

/**
 * In each transaction: a clock goes wrong while a daemon runs, too, as that of a machine that slept. `theirs` was asked for
 * at `asked` of this machine's clock, and may have been waited for. Throws DirectError `STORE_FAILED`, temporary.
 */
export function requireSameTime(theirs: number, asked: number): void {
  requireNear(theirs - Math.min(Math.max(theirs, asked), Math.max(asked, Date.now())), "the store's server")
}

function requireNear(apart: number, place: string): void {
  if (Math.abs(apart) <= MOST_APART_MS) return
  const [by, which] = [Math.round(Math.abs(apart) / 1000), apart > 0 ? 'ahead of' : 'behind']
  throw new DirectError('STORE_FAILED', `the clock of ${place} is ${by} s ${which} this machine's`, {
    hint: 'Let NTP set both: daemons that share a store tell by their clocks what the others are at.',
    temporary: true,
  })
}

/** Milliseconds that the server's clock is ahead of this machine's. */
export async function clockDifference(db: Kysely<Schema>): Promise<number> {
  const before = Date.now()
  const { rows } = await sql<{ now: number }>`
    select ${SERVER_NOW} as now`.execute(db)
  return (rows[0]?.now ?? 0) - (before + Date.now()) / 2
}
