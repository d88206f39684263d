import { type RawBuilder, type SqlBool, sql } from 'kysely'

/**
 * Nothing is put off or held for longer than an hour: what seems so was dated by a clock that has been set back since. The
 * first try of an MDN alone may be, for each hour's worth of those before it.
 */
const NEVER_SO_LONG_MS = 61 * 60_000

/** A time, and one so far behind it that only a wrong clock can have meant it: milliseconds since 1970. */
export interface Moment {
  readonly at: number
  readonly ahead: number
}

/** The same, or what is to become it in a prepared query. */
type Bindable = { readonly [Name in keyof Moment]: Moment[Name] | RawBuilder<Moment[Name]> }

export function momentOf(time: Date): Moment {
  const at = time.getTime()
  return { at, ahead: at + NEVER_SO_LONG_MS }
}

/** As SQL: so long after a time of the database's own. */
export function aheadOf(time: RawBuilder<number>): RawBuilder<number> {
  return sql`${time} + ${sql.lit(NEVER_SO_LONG_MS)}`
}

type PutOff = 'next_at' | 'inbox_deliveries.next_at'
type Held = 'held_until' | 'inbox_deliveries.held_until'

/** That a time of this table has come. */
export function hasCome(column: PutOff | Held, { at, ahead }: Bindable): RawBuilder<SqlBool> {
  return sql`(${sql.ref(column)} <= ${at} or ${sql.ref(column)} > ${ahead})`
}

/** Of what has come, what did so in its time, and what a clock dated that has been set back since. */
export const RANGES = ['past', 'ahead'] as const

export type Range = (typeof RANGES)[number]

/**
 * The same in one of two ranges, to be asked one after the other: of one range an index gives the rows in their order,
 * without those that have to wait, however many these are.
 */
export function hasComeIn(range: Range, column: PutOff, { at, ahead }: Bindable): RawBuilder<SqlBool> {
  if (range === 'past') return sql`${sql.ref(column)} > 0 and ${sql.ref(column)} <= ${at}`
  return sql`${sql.ref(column)} > ${ahead}`
}

/** That the time of a notice of ours has come, which its correspondent's share of an hour may have put off for many hours. */
export function isNoticeDue({ at, ahead }: Bindable): RawBuilder<SqlBool> {
  return sql`(notices.due_at <= ${at}
    or (notices.due_at > ${ahead} and (notices.attempts > 0 or notices.created_at > ${ahead})))`
}

/** That a time is set at all, in words that an index serves: `is not null` is none. */
export function isSet(column: 'next_at'): RawBuilder<SqlBool> {
  return sql`${sql.ref(column)} > 0`
}

/** Until when a row that says so is held; null: it is free, as `isFree` says. */
export function heldUntil(until: number | null, { at, ahead }: Moment): Date | null {
  return until === null || until <= at || until > ahead ? null : new Date(until)
}

/** That nobody holds it: two processes never do one thing at once. */
export function isFree(moment: Bindable, column: Held = 'held_until'): RawBuilder<SqlBool> {
  return sql`(${sql.ref(column)} is null or ${hasCome(column, moment)})`
}
