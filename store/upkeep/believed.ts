import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import { inTurn } from '../turn.ts'

const DAY_MS = 24 * 3_600_000
/** So far may a clock be beyond what the store itself has seen of time. */
const BEYOND_MS = 7 * DAY_MS
/** Of `positions`: until when time was believed. */
const BELIEVED = 'believed until'

/**
 * `now`, but at most a week beyond what was believed last, or where that was never asked, beyond the newest row of the
 * audit: a clock that is years ahead would have everything removed as too old. After a real absence the weeks are made
 * up for one by one.
 */
export function believed(db: Kysely<Schema>, now: Date): Promise<Date> {
  return inTurn(db, async (tx) => {
    const last = await tx
      .selectFrom('positions')
      .select('position as at')
      .where('name', '=', BELIEVED)
      .executeTakeFirst()
    const seen =
      last ?? (await tx.selectFrom('audit').select('at').orderBy('id', 'desc').limit(1).executeTakeFirst())
    const position = Math.min(now.getTime(), (seen?.at ?? now.getTime()) + BEYOND_MS)
    await tx
      .insertInto('positions')
      .values({ name: BELIEVED, position })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ position }))
      .execute()
    return new Date(position)
  })
}
