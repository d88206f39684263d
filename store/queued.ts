import type { Kysely } from 'kysely'
import { isSet } from './due.ts'
import type { DeliveryStatus } from './outgoing-types.ts'
import type { Schema } from './schema.ts'

type Tries = Pick<DeliveryStatus, 'tries' | 'next'>

export const NOT_QUEUED: Tries = { tries: null, next: null }

/** Messages asked about in one query: SQLite bounds how many values one may have. */
const AT_ONCE = 500

/**
 * Of recipients of these messages who are queued, how often SMTP was tried and when it is again; of those whose route is
 * not known, how often it was asked for (DISC-6).
 */
export async function triesOfQueued(
  db: Kysely<Schema>,
  messages: readonly number[],
): Promise<(message: number, address: string) => Tries> {
  const known = new Map<string, Tries>()
  for (let from = 0; from < messages.length; from += AT_ONCE) {
    const some = messages.slice(from, from + AT_ONCE)
    const copies = await db
      .selectFrom('copies')
      .innerJoin('copy_recipients', 'copy_recipients.copy', 'copies.id')
      .select(['message', 'address', 'attempts', 'next_at', 'held_until'])
      .where('message', 'in', some)
      .where('copy_recipients.state', '=', 'pending')
      .where(isSet('next_at'))
      .$narrowType<{ next_at: number }>()
      .execute()
    for (const { message, address, attempts, ...due } of copies)
      known.set(`${message} ${address}`, { tries: attempts, next: nextOf(due) })
    const asked = await db
      .selectFrom('waiting_messages')
      .select(['message', 'asked', 'next_at', 'held_until'])
      .where('message', 'in', some)
      .execute()
    for (const { message, asked: tries, ...due } of asked)
      known.set(`${message}`, { tries, next: nextOf(due) })
  }
  return (message, address) => known.get(`${message} ${address}`) ?? known.get(`${message}`) ?? NOT_QUEUED
}

/** What somebody holds, a process that was killed too, nobody else takes before the hold has ended. */
function nextOf({
  next_at,
  held_until,
}: {
  readonly next_at: number
  readonly held_until: number | null
}): Date {
  return new Date(Math.max(next_at, held_until ?? 0))
}
