import { type RawBuilder, type SqlBool, sql } from 'kysely'

/** Nothing is put off or held this long: what seems so was dated by a clock that has been set back since. */
const NEVER_SO_LONG_MS = 24 * 3_600_000

/** That a time of this table has come. */
export function hasCome(column: 'next_at' | 'due_at' | 'held_until', now: Date): RawBuilder<SqlBool> {
  const at = now.getTime()
  return sql`(${sql.ref(column)} <= ${at} or ${sql.ref(column)} > ${at + NEVER_SO_LONG_MS})`
}

/** That nobody holds it: two processes never do one thing at once. */
export function isFree(now: Date): RawBuilder<SqlBool> {
  return sql`(held_until is null or ${hasCome('held_until', now)})`
}
