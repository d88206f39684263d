import type { Kysely } from 'kysely'
import { keyOf } from './delivery-key.ts'
import type { UntakenMessage } from './delivery-types.ts'
import { heldUntil, momentOf } from './due.ts'
import { decodeWhy } from './encoding.ts'
import type { Schema } from './schema.ts'

/** What the EHR has yet to take, oldest first: found by what is not finished, so that a long history makes it no slower. */
export async function untakenMessages(
  db: Kysely<Schema>,
  now: Date,
  messageId?: string,
): Promise<UntakenMessage[]> {
  const moment = momentOf(now)
  let query = db
    .selectFrom('inbox_entries')
    .innerJoin('entry_deliveries', 'entry_deliveries.entry', 'inbox_entries.id')
    .innerJoin('inbox_deliveries', (join) =>
      join
        .onRef('inbox_deliveries.id', '=', 'entry_deliveries.delivery')
        // Whoever opened it: the same message again waits for the same.
        .onRef('inbox_deliveries.entry', '=', 'inbox_entries.id'),
    )
    .select(['inbox_entries.mailbox', 'inbox_entries.message_id', 'inbox_entries.sender'])
    .select(['inbox_deliveries.recipient', 'inbox_deliveries.signer', 'inbox_deliveries.inner_sha256'])
    .select(['inbox_deliveries.key', 'inbox_deliveries.at', 'inbox_deliveries.attempts'])
    .select(['inbox_deliveries.next_at', 'inbox_deliveries.held_until', 'inbox_deliveries.why'])
    .where('inbox_entries.state', '=', 'judged')
    .where('inbox_deliveries.state', '=', 'pending')
  if (messageId !== undefined) query = query.where('inbox_entries.message_id', '=', messageId)
  const rows = await query.orderBy('inbox_deliveries.at').orderBy('inbox_deliveries.id').execute()
  const untaken = new Map<string, UntakenMessage & { recipients: string[] }>()
  for (const row of rows) {
    const key = keyOf(row)
    const known = untaken.get(key)
    if (known !== undefined) {
      known.recipients.push(row.recipient)
      continue
    }
    untaken.set(key, {
      messageId: row.message_id,
      from: row.sender,
      recipients: [row.recipient],
      mailbox: row.mailbox,
      innerSha256: row.inner_sha256,
      key,
      since: new Date(row.at),
      tries: row.attempts,
      next: row.next_at === null ? null : new Date(row.next_at),
      heldUntil: heldUntil(row.held_until, moment),
      why: decodeWhy(row.why),
    })
  }
  return [...untaken.values()]
}
