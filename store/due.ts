import { type RawBuilder, type SqlBool, sql } from 'kysely'

/**
 * Nothing is put off or held for longer than an hour: what seems so was dated by a clock that has been set back since. The
 * first try of an MDN alone may be, for each hour's worth of those before it.
 */
export const NEVER_SO_LONG_MS = 61 * 60_000

type PutOff = 'next_at' | 'inbox_deliveries.next_at'
type Held = 'held_until' | 'inbox_deliveries.held_until'

/** That a time of this table has come. */
export function hasCome(column: PutOff | Held, now: Date): RawBuilder<SqlBool> {
  const at = now.getTime()
  return sql`(${sql.ref(column)} <= ${at} or ${sql.ref(column)} > ${at + NEVER_SO_LONG_MS})`
}

/**
 * The same as two ranges, to be asked one after the other: of one range an index gives the rows in their order, without
 * those that have to wait, however many these are.
 */
export function rangesThatHaveCome(column: PutOff, now: Date): readonly RawBuilder<SqlBool>[] {
  const at = now.getTime()
  return [
    sql`${sql.ref(column)} > 0 and ${sql.ref(column)} <= ${at}`,
    sql`${sql.ref(column)} > ${at + NEVER_SO_LONG_MS}`,
  ]
}

/** That the time of a notice of ours has come, which its correspondent's share of an hour may have put off for many hours. */
export function isNoticeDue(now: Date): RawBuilder<SqlBool> {
  const at = now.getTime()
  const ahead = at + NEVER_SO_LONG_MS
  return sql`(notices.due_at <= ${at}
    or (notices.due_at > ${ahead} and (notices.attempts > 0 or notices.created_at > ${ahead})))`
}

/** That a time is set at all, in words that an index serves: `is not null` is none. */
export function isSet(column: 'next_at'): RawBuilder<SqlBool> {
  return sql`${sql.ref(column)} > 0`
}

/** That nobody holds it: two processes never do one thing at once. */
export function isFree(now: Date, column: Held = 'held_until'): RawBuilder<SqlBool> {
  return sql`(${sql.ref(column)} is null or ${hasCome(column, now)})`
}
