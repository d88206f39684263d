import { type Kysely, type Selectable, sql } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import { deliveryKey, keyOf } from './delivery-key.ts'
import { addressKey, encodeWhy } from './encoding.ts'
import type { DeliveryOutcome, InboxDelivery, NewJudgement, NewNotice } from './incoming-types.ts'
import { owe, oweMdn } from './notices.ts'
import { type Bound, prepared } from './prepared.ts'
import { answersNotice, type Owing } from './restraint.ts'
import type { Schema, Tx } from './schema.ts'

/**
 * IN-10: a delivery is one per (recipient, signer, inner digest); a repeated message joins the earlier one. What
 * `deliveriesOf` says of the entry from now on: it is judged once, and has no others.
 */
export async function openDeliveries(
  tx: Tx,
  entry: number,
  judgement: NewJudgement,
  asked: readonly NewNotice[],
  owing: Owing,
): Promise<InboxDelivery[]> {
  const { at } = owing
  const { signer, innerSha256 } = judgement
  if (judgement.verdict !== 'accept' || signer === null || innerSha256 === null) return []
  const notices = asked.length > 0 && (await answersNotice(tx, judgement, at)) ? [] : asked
  const recipients = judgement.recipients
    .filter(({ verdict }) => verdict === 'accept')
    .map(({ address }) => addressKey(address))
  const delivery = { entry, signer, inner_sha256: innerSha256, at: at.getTime(), next_at: at.getTime() }
  const joined = new Map<number, DeliveryRow>()
  const opened: string[] = []
  for (const recipient of recipients) {
    const notice = notices.find((owed) => addressKey(owed.recipient) === recipient)
    const fresh = await insertDelivery.executeTakeFirst(tx, {
      ...delivery,
      recipient,
      author: notice === undefined ? null : addressKey(notice.to),
      about: notice?.originalMessageId ?? null,
      later_id: notice?.laterMessageId ?? null,
      final_wanted: notice?.finalWanted ? 1 : 0,
      // Named after those whom the message is the first for: of several that is not known yet.
      key: recipients.length === 1 ? deliveryKey(signer, innerSha256, recipients) : null,
    })
    const of = { recipient, signer, innerSha256 }
    const row = fresh ?? (await deliveryOf.executeTakeFirstOrThrow(tx, of))
    const isNew = fresh !== undefined
    joined.set(row.id, row)
    await joinDelivery.execute(tx, { entry, delivery: row.id })
    if (row.entry === entry) opened.push(recipient)
    if (notice !== undefined) await owe(tx, { delivery: row.id, isNew }, notice, owing)
  }
  if (recipients.length > 1 && opened.length > 0) {
    const named = await tx
      .updateTable('inbox_deliveries')
      .set({ key: deliveryKey(signer, innerSha256, opened) })
      .where('signer', '=', signer)
      .where('inner_sha256', '=', innerSha256)
      .where('recipient', 'in', opened)
      .returningAll()
      .execute()
    for (const row of named) joined.set(row.id, row)
  }
  return await withRest(
    tx,
    entry,
    [...joined.values()].sort((a, b) => a.id - b.id),
  )
}

type DeliveryRow = Selectable<Schema['inbox_deliveries']>

type NewDelivery = Pick<
  Selectable<Schema['inbox_deliveries']>,
  'entry' | 'recipient' | 'signer' | 'inner_sha256' | 'at' | 'next_at' | 'key'
> &
  Pick<Selectable<Schema['inbox_deliveries']>, 'author' | 'about' | 'later_id' | 'final_wanted'>

const insertDelivery = prepared((db, row: Bound<NewDelivery>) =>
  db
    .insertInto('inbox_deliveries')
    .values({ ...row, state: 'pending', delivered_to: null })
    .onConflict((conflict) => conflict.columns(['recipient', 'signer', 'inner_sha256']).doNothing())
    .returningAll(),
)

const deliveryOf = prepared(
  (
    db,
    { recipient, signer, innerSha256 }: Bound<{ recipient: string; signer: string; innerSha256: string }>,
  ) =>
    db
      .selectFrom('inbox_deliveries')
      .selectAll()
      .where('recipient', '=', recipient)
      .where('signer', '=', signer)
      .where('inner_sha256', '=', innerSha256),
)

const joinDelivery = prepared((db, row: Bound<Schema['entry_deliveries']>) =>
  db
    .insertInto('entry_deliveries')
    .values(row)
    .onConflict((conflict) => conflict.columns(['entry', 'delivery']).doNothing()),
)

/**
 * Those of a message; and where it repeats some of an earlier one, whatever else of that has their key and waits: what has
 * one key goes to the EHR at once, and has one outcome.
 */
export async function deliveriesOf(db: Kysely<Schema>, entry: number): Promise<InboxDelivery[]> {
  return await withRest(db, entry, await openedBy.execute(db, { entry }))
}

/** `own`: those of the message by themselves, by their numbers. */
async function withRest(
  db: Kysely<Schema>,
  entry: number,
  own: readonly DeliveryRow[],
): Promise<InboxDelivery[]> {
  const rows = [...own]
  const repeated = rows.filter((row) => row.entry !== entry && row.state === 'pending')
  const keys = new Set(repeated.map(keyOf))
  for (const earlier of new Set(repeated.map((row) => row.entry)))
    for (const row of await openedBy.execute(db, { entry: earlier }))
      if (row.state === 'pending' && keys.has(keyOf(row)) && !rows.some(({ id }) => id === row.id))
        rows.push(row)
  return rows.map((row) => ({
    id: row.id,
    recipient: row.recipient,
    state: row.state,
    deliveredTo: row.delivered_to,
    fresh: row.entry === entry,
    key: keyOf(row),
    isTimed: row.next_at !== null,
  }))
}

const openedBy = prepared((db, { entry }: Bound<{ entry: number }>) =>
  db
    .selectFrom('entry_deliveries')
    .innerJoin('inbox_deliveries', 'inbox_deliveries.id', 'entry_deliveries.delivery')
    .selectAll('inbox_deliveries')
    .where('entry_deliveries.entry', '=', entry)
    .orderBy('inbox_deliveries.id'),
)

/** The EHR's answer; the first one stands, is audited with where the message is, and is owed to the author (N-4). */
export async function settleDelivery(
  tx: Tx,
  { delivery, outcome, where, why = [], withdrawn = false }: DeliveryOutcome,
  owing: Owing,
): Promise<void> {
  const { at } = owing
  const row = await settlePending.executeTakeFirst(tx, {
    delivery,
    state: outcome,
    delivered_to: where,
    at: at.getTime(),
    why: encodeWhy(why),
  })
  if (row === undefined) return
  const { author, about, later_id: messageId, recipient } = row
  const kind = outcome === 'rejected' ? 'failed' : row.final_wanted === 1 ? 'dispatched' : null
  if (kind !== null && !withdrawn && author !== null && about !== null && messageId !== null)
    await oweMdn(tx, { delivery, kind, messageId, from: recipient, to: author, about }, owing)
  await recordOf(tx, row, {
    at,
    event: outcome,
    outcome,
    why: where === null ? why : [...why, { code: 'DELIVERED_TO', text: where }],
  })
}

/** Of a delivery: what the entry that opened it says. */
const ofEntry = <Column extends 'message_id' | 'sender'>(column: Column) =>
  sql<string | null>`(select ${sql.ref(column)} from inbox_entries where id = inbox_deliveries.entry)`.as(
    column,
  )
const SAID_BY = [ofEntry('message_id'), ofEntry('sender')] as const

const settlePending = prepared(
  (
    db,
    { delivery, ...said }: Bound<{ delivery: number } & Pick<Selectable<Schema['inbox_deliveries']>, Said>>,
  ) =>
    db
      .updateTable('inbox_deliveries')
      .set({ ...said, held_until: null })
      .where('id', '=', delivery)
      .where('state', '=', 'pending')
      .returning(['recipient', 'signer', 'author', 'about', 'later_id', 'final_wanted'])
      .returning(SAID_BY),
)

type Said = 'state' | 'delivered_to' | 'at' | 'why'

/** That the EHR has not taken these, for the first time: a repeated try is no news. */
export async function recordPutOff(
  tx: Tx,
  deliveries: readonly number[],
  at: Date,
  why: readonly Reason[],
): Promise<void> {
  const rows = await tx
    .selectFrom('inbox_deliveries')
    .select(['recipient', 'signer'])
    .select(SAID_BY)
    .where('id', 'in', deliveries)
    .where('state', '=', 'pending')
    .where('why', '=', encodeWhy([]))
    .orderBy('id')
    .execute()
  for (const row of rows) await recordOf(tx, row, { at, event: 'delivery-put-off', outcome: 'waiting', why })
}

/** An audit row of what happened to a delivery. */
async function recordOf(
  tx: Tx,
  {
    recipient,
    signer,
    message_id,
    sender,
  }: Pick<DeliveryRow, 'recipient' | 'signer'> &
    Pick<Selectable<Schema['inbox_entries']>, 'message_id' | 'sender'>,
  what: Pick<Parameters<typeof record>[1], 'at' | 'event' | 'outcome' | 'why'>,
): Promise<void> {
  await record(tx, {
    ...UNKNOWN_TO_RECEIVER,
    ...what,
    messageId: message_id,
    from: sender,
    address: recipient,
    certificate: signer,
  })
}
