import { type Kysely, type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import { hasCome, hasComeIn, isFree, type Moment, momentOf, RANGES, type Range } from './due.ts'
import { asName } from './kept-text.ts'
import type { Outbox } from './outgoing-types.ts'
import { type Bound, type Prepared, prepared } from './prepared.ts'
import type { Schema } from './schema.ts'
import { isShared } from './turn.ts'

/** Copies that one `claim` takes when it is not told. */
export const CLAIMED = 20

/** A copy with what is said of its message. */
export type Copy = Selectable<Schema['copies']> & Pick<Selectable<Schema['messages']>, 'message_id' | 'kind'>

/** What a question is about; what is absent is not asked for. */
interface Values extends Moment {
  readonly limit: number
  readonly messageId?: string
  readonly route?: Copy['route']
  readonly untriedAt?: number
  readonly untriedAhead?: number
  readonly [notDomain: `notDomain${number}`]: string
}

/** What makes one question another query than the next. */
interface Shape {
  readonly range: Range
  readonly evenLate: boolean
  readonly locks: boolean
  readonly names: readonly string[]
}

/** What `claim` may take, oldest first; what a clock dated that has been set back since comes when nothing else does. */
export async function dueCopies(
  db: Kysely<Schema>,
  now: Date,
  options: NonNullable<Parameters<Outbox['claim']>[2]>,
): Promise<readonly Copy[]> {
  const { messageId, route, notDomains = [], untriedSince, limit = CLAIMED, evenLate = false } = options
  const untried = untriedSince && momentOf(untriedSince)
  const values: Values = {
    ...momentOf(now),
    limit,
    ...(messageId !== undefined && { messageId: asName(messageId) }),
    ...(route !== undefined && { route }),
    ...(untried && { untriedAt: untried.at, untriedAhead: untried.ahead }),
    ...Object.fromEntries(notDomains.map((domain, n) => [`notDomain${n}`, domain])),
  }
  // Others who claim at this moment neither wait for these copies nor get them.
  const shape = { evenLate, locks: db.isTransaction && isShared(db), names: Object.keys(values) }
  for (const range of RANGES) {
    const copies = await queryOf({ ...shape, range }).execute(db, values)
    if (copies.length > 0) return copies
  }
  return []
}

/** As many as there are ways to ask: a lane of partners leaves out three domains at most. */
const queries = new Map<string, Prepared<Values, Copy>>()

function queryOf(shape: Shape): Prepared<Values, Copy> {
  const key = JSON.stringify(shape)
  let query = queries.get(key)
  if (query === undefined) {
    query = prepared((db, values: Bound<Values>) => due(db, values, shape))
    queries.set(key, query)
  }
  return query
}

function due(
  db: Kysely<Schema>,
  { at, ahead, limit, messageId, route, untriedAt, untriedAhead, ...others }: Bound<Values>,
  { range, evenLate, locks }: Shape,
) {
  const notDomains = Object.values<RawBuilder<string>>(others)
  let query = db
    .selectFrom('copies')
    .innerJoin('messages', 'messages.id', 'copies.message')
    .selectAll('copies')
    .select(['message_id', 'kind'])
    .where(hasComeIn(range, 'next_at', { at, ahead }))
    .where(isFree({ at, ahead }))
  if (messageId !== undefined) query = query.where('message_id', '=', messageId)
  if (route !== undefined) query = query.where('copies.route', '=', route)
  if (notDomains.length > 0)
    query = query.where(({ eb, or }) =>
      or([eb('copies.route', '!=', 'tls'), eb('domain', 'not in', notDomains)]),
    )
  if (untriedAt !== undefined && untriedAhead !== undefined) {
    const since = { at: untriedAt, ahead: untriedAhead }
    query = query.where(({ eb, or }) =>
      or([eb('attempts', '>', 0), eb('kind', '!=', 'message'), hasCome('next_at', since)]),
    )
  }
  if (!evenLate) query = query.where(({ not }) => not(isLate(at)))
  query = query.orderBy('next_at').orderBy('copies.id').limit(limit)
  return locks ? query.forUpdate('copies').skipLocked() : query
}

/** That a copy waits for somebody whose time is up: the sender is about to be told that it did not arrive. */
function isLate(at: RawBuilder<number>): RawBuilder<SqlBool> {
  return sql`exists (
    select 1 from copy_recipients
    inner join recipients on recipients.message = copies.message and recipients.address = copy_recipients.address
    where copy_recipients.copy = copies.id and copy_recipients.state = 'pending'
      and recipients.deadline <= ${at})`
}
