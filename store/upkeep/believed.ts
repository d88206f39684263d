import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import { inTurn } from '../turn.ts'

const DAY_MS = 24 * 3_600_000
/** So far may a clock be from what the store itself has seen of time. */
const FROM_IT_MS = 7 * DAY_MS
/** Of `positions`: until when time was believed. */
const BELIEVED = 'believed until'

/**
 * `now`, but at most a week beyond what was believed last, or where that was never asked, beyond the newest row of the
 * audit: a clock that is years ahead would have everything removed as too old. After a real absence the weeks are made
 * up for one by one. What is believed goes back by no more than that either: a machine that starts in 1970, until it is told
 * the time, would have its weeks made up for until 2026.
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
    const at = seen?.at ?? now.getTime()
    const position = Math.min(Math.max(now.getTime(), at - FROM_IT_MS), at + FROM_IT_MS)
    await tx
      .insertInto('positions')
      .values({ name: BELIEVED, position })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ position }))
      .execute()
    return new Date(Math.min(now.getTime(), position))
  })
}
