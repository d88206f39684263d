import { type Kysely, sql } from 'kysely'
import { OF_NO_MESSAGE, record } from '../audit.ts'
import { isNamed } from '../bodies.ts'
import type { Schema, Tx } from '../schema.ts'
import { inTurn } from '../turn.ts'
import type { Pruned, Retention } from '../upkeep-types.ts'

/** Of one transaction: others get their turn between two. */
const AT_ONCE = 100

/**
 * Removes what is older than it has to be kept, oldest first, in short transactions until nothing is left or `signal`
 * aborts, and audits how much that was, and whatever one that was stopped has not audited. Nothing that is still open is
 * removed, however old.
 */
export async function prune(
  db: Kysely<Schema>,
  { messagesBefore, auditBefore }: Retention,
  now: Date,
  signal?: AbortSignal,
): Promise<Pruned> {
  const repeat = async (step: (tx: Tx) => Promise<number>, what?: keyof Pruned) => {
    let all = 0
    while (!signal?.aborted) {
      const some = await inTurn(db, async (tx) => {
        const some = await step(tx)
        if (what !== undefined && some > 0) await note(tx, what, some)
        return some
      })
      all += some
      if (some === 0) break
    }
    return all
  }
  const pruned = { messages: 0, mails: 0, auditRows: 0 }
  if (messagesBefore !== null) {
    const before = messagesBefore.getTime()
    pruned.messages = await repeat((tx) => messages(tx, before), 'messages')
    pruned.mails = await repeat((tx) => receivedBodies(tx, before), 'mails')
    await repeat((tx) => events(tx, before))
  }
  if (auditBefore !== null) {
    const before = auditBefore.getTime()
    const end = await endOfAudit(db, before)
    pruned.auditRows = await repeat((tx) => audit(tx, end), 'auditRows')
    await repeat((tx) => deliveries(tx, before))
    await repeat((tx) => ledger(tx, before))
    await repeat((tx) => failureNotices(tx, before))
  }
  await inTurn(db, (tx) => tell(tx, now))
  return pruned
}

/** Messages of ours of which every recipient is decided, and the sender told. */
async function messages(tx: Tx, before: number): Promise<number> {
  const { rows } = await sql<{ id: number; record_body: number | null }>`
    select id, record_body from messages
    where at < ${before}
      and not exists (select 1 from recipients where message = messages.id
        and (state = 'queued' or deadline is not null or untold = 1))
      and not exists (select 1 from copies where message = messages.id and next_at is not null)
      and not exists (select 1 from waiting_messages where message = messages.id)
      and not exists (select 1 from notices where message = messages.id and state in ('owed', 'queued'))
    order by id limit ${AT_ONCE}`.execute(tx)
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return 0
  const copies = await tx.selectFrom('copies').select(['id', 'body']).where('message', 'in', ids).execute()
  const copyIds = copies.map(({ id }) => id)
  if (copyIds.length > 0) {
    await tx.deleteFrom('copy_recipients').where('copy', 'in', copyIds).execute()
    await tx.deleteFrom('copies').where('id', 'in', copyIds).execute()
  }
  await tx.deleteFrom('recipients').where('message', 'in', ids).execute()
  // By its Message-ID a failure notice is known again in a mailbox: it stays as long as what is known of mailboxes.
  await tx.updateTable('notices').set({ message: null }).where('message', 'in', ids).execute()
  await tx.deleteFrom('messages').where('id', 'in', ids).execute()
  await removeBodies(tx, [...copies.map(({ body }) => body), ...rows.map(({ record_body }) => record_body)])
  return ids.length
}

/** Of settled mail the ledger stays: as long as the mail lies in its folder, it must be known as settled (IN-10). */
async function receivedBodies(tx: Tx, before: number): Promise<number> {
  const entries = await tx
    .selectFrom('inbox_entries')
    .select(['id', 'body'])
    .where('state', '=', 'settled')
    .where('settled_at', '<', before)
    .where('body', 'is not', null)
    .orderBy('id')
    .limit(AT_ONCE)
    .execute()
  if (entries.length === 0) return 0
  const ids = entries.map(({ id }) => id)
  await tx.updateTable('inbox_entries').set({ body: null }).where('id', 'in', ids).execute()
  await removeBodies(
    tx,
    entries.map(({ body }) => body),
  )
  return entries.length
}

/** Those that nothing refers to any more. */
async function removeBodies(tx: Tx, bodies: readonly (number | null)[]): Promise<void> {
  for (const body of new Set(bodies))
    if (body !== null) await sql`delete from bodies where id = ${body} and not ${isNamed}`.execute(tx)
}

async function events(tx: Tx, before: number): Promise<number> {
  const old = tx.selectFrom('tracking_events').select('id').orderBy('id').limit(AT_ONCE)
  const { numDeletedRows } = await tx
    .deleteFrom('tracking_events')
    .where('id', 'in', old)
    .where('at', '<', before)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** The first row that stays: what a clock that was set back wrote behind it stays with it. */
async function endOfAudit(db: Kysely<Schema>, before: number): Promise<number> {
  const first = await db
    .selectFrom('audit')
    .select('id')
    .where('at', '>=', before)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
  return first?.id ?? Number.MAX_SAFE_INTEGER
}

/** The chain goes on from the last row that is removed: what stays can still be verified. */
async function audit(tx: Tx, end: number): Promise<number> {
  const rows = await tx
    .selectFrom('audit')
    .select(['id', 'chain'])
    .where('id', '<', end)
    .orderBy('id')
    .limit(AT_ONCE)
    .execute()
  const last = rows.at(-1)
  if (last === undefined) return 0
  await tx.deleteFrom('audit_documents').where('audit', '<=', last.id).execute()
  await tx.deleteFrom('audit').where('id', '<=', last.id).execute()
  await tx
    .updateTable('audit_head')
    .set({ pruned_to: last.id, pruned_chain: last.chain ?? '' })
    .execute()
  return rows.length
}

/** What tells a repeated message (IN-10), and the receipts for it, live as long as the audit. */
async function deliveries(tx: Tx, before: number): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    select id from inbox_deliveries
    where at < ${before} and state <> 'pending'
      and not exists (select 1 from entry_deliveries join inbox_entries on inbox_entries.id = entry_deliveries.entry
        where entry_deliveries.delivery = inbox_deliveries.id
          and (inbox_entries.state <> 'settled' or inbox_entries.settled_at >= ${before}))
      and not exists (select 1 from notices where delivery = inbox_deliveries.id and state in ('owed', 'queued'))
    order by id limit ${AT_ONCE}`.execute(tx)
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return 0
  await tx.deleteFrom('notices').where('delivery', 'in', ids).execute()
  await tx.deleteFrom('entry_deliveries').where('delivery', 'in', ids).execute()
  await tx.deleteFrom('inbox_deliveries').where('id', 'in', ids).execute()
  return ids.length
}

/** Of a mail that was settled so long ago, that alone is still known. */
async function ledger(tx: Tx, before: number): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    select id from inbox_entries
    where state = 'settled' and settled_at < ${before} and verdict is not null
      and not exists (select 1 from entry_deliveries where entry = inbox_entries.id)
    order by id limit ${AT_ONCE}`.execute(tx)
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return 0
  await tx
    .updateTable('inbox_entries')
    .set({ verdict: null, code: null, message_id: null, sender: null, signer: null, inner_sha256: null })
    .set({ why: '[]', recipients: '[]' })
    .where('id', 'in', ids)
    .execute()
  return ids.length
}

/** Those whose message is gone. */
async function failureNotices(tx: Tx, before: number): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('notices')
    .where('message', 'is', null)
    .where('delivery', 'is', null)
    .where('created_at', '<', before)
    .executeTakeFirst()
  // All at once: there are few.
  return Number(numDeletedRows) > 0 ? 1 : 0
}

/** Of `positions`: how much was removed that the audit has yet to say. */
const row = (what: keyof Pruned) => `pruned ${what}`

/** With what it counts: a kill may come before the end. */
async function note(tx: Tx, what: keyof Pruned, some: number): Promise<void> {
  await tx
    .insertInto('positions')
    .values({ name: row(what), position: some })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ position: sql<number>`positions.position + ${some}` }),
    )
    .execute()
}

async function tell(tx: Tx, at: Date): Promise<void> {
  const noted = await tx
    .deleteFrom('positions')
    .where('name', 'in', (['messages', 'mails', 'auditRows'] as const).map(row))
    .returningAll()
    .execute()
  if (noted.length === 0) return
  const many = (what: keyof Pruned) => noted.find(({ name }) => name === row(what))?.position ?? 0
  await record(tx, {
    ...OF_NO_MESSAGE,
    at,
    event: 'pruned',
    actor: null,
    outcome: null,
    why: [
      {
        code: 'RETENTION',
        text: `${many('messages')} messages sent, the bodies of ${many('mails')} received, and ${many('auditRows')} rows of the audit`,
      },
    ],
  })
}
