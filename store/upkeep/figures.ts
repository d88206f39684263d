import { type Kysely, sql } from 'kysely'
import { isSet } from '../due.ts'
import type { Schema } from '../schema.ts'
import { isShared } from '../turn.ts'
import type { StoreFigures } from '../upkeep-types.ts'

const OF_FILE = sql`select page_count * page_size as bytes from pragma_page_count(), pragma_page_size()`
const OF_DATABASE = sql`select pg_database_size(current_database()) as bytes`

/** Each by an index that holds what is open alone, so that a long history makes none of them slower. */
export async function figures(db: Kysely<Schema>): Promise<StoreFigures> {
  const outbox = await db
    .selectFrom('copies')
    .innerJoin('messages', 'messages.id', 'copies.message')
    .where(isSet('next_at'))
    .select(({ fn }) => [
      fn.countAll<number>().as('copies'),
      fn.min('messages.at').as('oldest'),
      sql<number | null>`min(case when held_until > next_at then held_until else next_at end)`.as('dueSince'),
    ])
    .executeTakeFirstOrThrow()
  const unanswered = await db
    .selectFrom('recipients')
    .where('deadline', 'is not', null)
    .groupBy('state')
    .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
    .execute()
  const inbox = await db
    .selectFrom('inbox_entries')
    .where('state', 'in', ['new', 'stored', 'judged'])
    .groupBy('state')
    .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
    .execute()
  const notices = await db
    .selectFrom('notices')
    .where('state', 'in', ['owed', 'queued'])
    .groupBy(['kind', 'state'])
    .select(({ fn }) => ['kind', 'state', fn.countAll<number>().as('count')])
    .execute()
  const audit = await db
    .selectFrom('audit')
    .select(['id', 'at'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  const size = await sql<{ bytes: number }>`${isShared(db) ? OF_DATABASE : OF_FILE}`.execute(db)
  return {
    outbox: {
      copies: outbox.copies,
      oldest: outbox.copies === 0 ? null : new Date(outbox.oldest),
      dueSince: outbox.dueSince === null ? null : new Date(Number(outbox.dueSince)),
    },
    unanswered,
    inbox,
    notices,
    auditRows: audit?.id ?? 0,
    newest: audit === undefined ? null : new Date(audit.at),
    bytes: size.rows[0]?.bytes ?? 0,
  }
}
