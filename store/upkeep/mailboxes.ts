import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import type { KnownMailbox } from '../upkeep-types.ts'

/** States of what is stored here and not settled; what is `new` lies in its mailbox alone. */
const UNFINISHED = ['stored', 'judged'] as const

export async function mailboxes(
  db: Kysely<Schema>,
  which: 'all' | 'unfinished',
): Promise<readonly KnownMailbox[]> {
  const entries = db.selectFrom('inbox_entries')
  return await (which === 'all' ? entries : entries.where('state', 'in', UNFINISHED))
    .groupBy('mailbox')
    .select(({ fn, eb }) => [
      'mailbox as name',
      fn.sum<number>(eb.case().when('state', 'in', UNFINISHED).then(1).else(0).end()).as('unfinished'),
    ])
    .orderBy('mailbox')
    .execute()
}
