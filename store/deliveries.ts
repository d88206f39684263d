import type { Kysely } from 'kysely'
import { record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import type { InboxDelivery, Judgement, NewNotice } from './incoming-types.ts'
import { owe } from './notices.ts'
import { addressKey, type Schema, type Tx } from './schema.ts'

/** IN-10: a delivery is one per (recipient, signer, inner digest); a repeated message joins the earlier one. */
export async function openDeliveries(
  tx: Tx,
  entry: number,
  judgement: Judgement,
  notices: readonly NewNotice[],
  at: Date,
): Promise<void> {
  const { signer, innerSha256 } = judgement
  if (judgement.verdict !== 'accept' || signer === null || innerSha256 === null) return
  for (const { address, verdict } of judgement.recipients) {
    if (verdict !== 'accept') continue
    const recipient = addressKey(address)
    await tx
      .insertInto('inbox_deliveries')
      .values({
        entry,
        recipient,
        signer,
        inner_sha256: innerSha256,
        state: 'pending',
        delivered_to: null,
        at: at.getTime(),
      })
      .onConflict((conflict) => conflict.columns(['recipient', 'signer', 'inner_sha256']).doNothing())
      .execute()
    const { id } = await tx
      .selectFrom('inbox_deliveries')
      .select('id')
      .where('recipient', '=', recipient)
      .where('signer', '=', signer)
      .where('inner_sha256', '=', innerSha256)
      .executeTakeFirstOrThrow()
    await tx
      .insertInto('entry_deliveries')
      .values({ entry, delivery: id })
      .onConflict((conflict) => conflict.columns(['entry', 'delivery']).doNothing())
      .execute()
    const notice = notices.find((owed) => addressKey(owed.recipient) === recipient)
    if (notice !== undefined) await owe(tx, id, notice, at)
  }
}

export async function deliveriesOf(db: Kysely<Schema>, entry: number): Promise<InboxDelivery[]> {
  const rows = await db
    .selectFrom('entry_deliveries')
    .innerJoin('inbox_deliveries', 'inbox_deliveries.id', 'entry_deliveries.delivery')
    .selectAll('inbox_deliveries')
    .where('entry_deliveries.entry', '=', entry)
    .orderBy('inbox_deliveries.id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    recipient: row.recipient,
    state: row.state,
    deliveredTo: row.delivered_to,
    fresh: row.entry === entry,
  }))
}

/** The EHR's answer; the first one stands, and is audited. */
export async function settleDelivery(
  tx: Tx,
  delivery: number,
  outcome: 'delivered' | 'rejected',
  where: string | null,
  at: Date,
): Promise<void> {
  const row = await tx
    .updateTable('inbox_deliveries')
    .set({ state: outcome, delivered_to: where, at: at.getTime() })
    .where('id', '=', delivery)
    .where('state', '=', 'pending')
    .returning(['entry', 'recipient', 'signer'])
    .executeTakeFirst()
  if (row === undefined) return
  const entry = await tx
    .selectFrom('inbox_entries')
    .select(['message_id', 'sender'])
    .where('id', '=', row.entry)
    .executeTakeFirstOrThrow()
  await record(tx, {
    ...UNKNOWN_TO_RECEIVER,
    at,
    event: outcome,
    messageId: entry.message_id,
    from: entry.sender,
    address: row.recipient,
    certificate: row.signer,
    outcome,
    why: [],
  })
}
