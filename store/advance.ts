import type { Insertable, Kysely, RawBuilder, Selectable } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { type AuditEvent, record } from './audit.ts'
import { decodeAlgorithms, encodeWhy, fromJson } from './encoding.ts'
import type { DeliveryState, TrackingEventType } from './outgoing-types.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'
import { nextState, type Occurrence } from './states.ts'

/** One recipient of one message of ours, with what its audit rows repeat. */
export interface TrackedRecipient extends Selectable<Schema['messages']> {
  readonly recipient: number
  readonly address: string
  readonly route: string
  readonly certificate: string | null
  readonly algorithms: string | null
  readonly state: DeliveryState
}

/** What is selected for it, beside all of `messages`. */
export const TRACKED = [
  'recipients.id as recipient',
  'recipients.address',
  'recipients.route',
  'recipients.certificate',
  'recipients.algorithms',
  'recipients.state',
] as const

/** Those whom a copy is for, in their order. */
export function recipientsOf(db: Kysely<Schema>, copy: RawBuilder<number>) {
  return db
    .selectFrom('copy_recipients')
    .innerJoin('copies', 'copies.id', 'copy_recipients.copy')
    .innerJoin('messages', 'messages.id', 'copies.message')
    .innerJoin('recipients', (join) =>
      join
        .onRef('recipients.message', '=', 'messages.id')
        .onRef('recipients.address', '=', 'copy_recipients.address'),
    )
    .selectAll('messages')
    .select(TRACKED)
    .where('copy', '=', copy)
    .orderBy('seq')
}

/**
 * Lets `occurrence` happen to a recipient: the state, the event that the EHR hears, the audit row. What changes
 * nothing (a late or repeated notification) is audited all the same, with the state that stood.
 */
export async function advance(
  tx: Tx,
  who: TrackedRecipient,
  occurrence: Occurrence,
  at: Date,
  why: readonly Reason[],
): Promise<{ state: DeliveryState; changed: boolean }> {
  const state = nextState(who.state, occurrence)
  const changed = state !== who.state
  if (changed) {
    await moveRecipient.execute(tx, {
      recipient: who.recipient,
      state,
      at: at.getTime(),
      why: encodeWhy(why),
    })
    if (!isAwaited(who, state)) await setDeadline(tx, who.recipient, null)
    if ((state === 'failed' || state === 'expired') && who.kind === 'message') await leaveUntold(tx, who)
    if (state !== 'queued' && state !== 'sent' && state !== 'refused' && who.kind === 'message')
      await announce(tx, state, who.message_id, who.address, at, why)
  }
  if (settlesCopies(occurrence)) await settleCopies(tx, who, occurrence === 'expired' ? 'failed' : 'accepted')
  await recordOf(tx, { ...who, state }, auditEvent(who.kind, occurrence), at, why)
  return { state, changed }
}

const moveRecipient = prepared(
  (
    db,
    { recipient, ...moved }: Bound<{ recipient: number; state: DeliveryState; at: number; why: string }>,
  ) => db.updateTable('recipients').set(moved).where('id', '=', recipient),
)

/** N-7: whether an answer is still waited for. From a server of the route `tls` none comes. */
function isAwaited({ route, final_wanted }: TrackedRecipient, state: DeliveryState): boolean {
  if (state === 'queued') return true
  if (state === 'sent') return route !== 'tls'
  return state === 'processed' && final_wanted === 1
}

export async function setDeadline(tx: Tx, recipient: number, deadline: Date | null): Promise<void> {
  await moveDeadline.execute(tx, { recipient, deadline: deadline?.getTime() ?? null })
}

const moveDeadline = prepared(
  (db, { recipient, deadline }: Bound<{ recipient: number; deadline: number | null }>) =>
    db.updateTable('recipients').set({ deadline }).where('id', '=', recipient),
)

/** N-8: a failure notice has to tell of it. */
async function leaveUntold(tx: Tx, { recipient }: TrackedRecipient): Promise<void> {
  await tx.updateTable('recipients').set({ untold: 1 }).where('id', '=', recipient).execute()
}

/**
 * Whoever answers has the message, though SMTP may have lost its word for it; and after the sender was told of a
 * failure nothing is sent any more.
 */
function settlesCopies(occurrence: Occurrence): boolean {
  return occurrence !== 'accepted' && occurrence !== 'undeliverable'
}

async function settleCopies(tx: Tx, who: TrackedRecipient, state: 'accepted' | 'failed'): Promise<void> {
  const settled = await settlePending.execute(tx, { state, message: who.id, address: who.address })
  for (const { copy } of settled) await endCopy.execute(tx, { copy })
}

const settlePending = prepared(
  (
    db,
    { state, message, address }: Bound<{ state: 'accepted' | 'failed'; message: number; address: string }>,
  ) =>
    db
      .updateTable('copy_recipients')
      .set({ state })
      .where('copy', 'in', db.selectFrom('copies').select('copies.id').where('message', '=', message))
      .where('address', '=', address)
      .where('state', '=', 'pending')
      .returning('copy'),
)

/** Once nobody waits for it. */
const endCopy = prepared((db, { copy }: Bound<{ copy: number }>) =>
  db
    .updateTable('copies')
    .set({ next_at: null })
    .where('id', '=', copy)
    .where(({ not, exists }) =>
      not(
        exists(
          db
            .selectFrom('copy_recipients')
            .select('seq')
            .where('copy', '=', copy)
            .where('state', '=', 'pending'),
        ),
      ),
    ),
)

/** An audit row of what happened to a recipient, who is as `who` says now. */
export async function recordOf(
  tx: Tx,
  who: TrackedRecipient,
  event: AuditEvent,
  at: Date,
  why: readonly Reason[],
): Promise<void> {
  await record(tx, {
    at,
    event,
    actor: who.actor,
    messageId: who.message_id,
    from: who.sender,
    address: who.address,
    route: who.route,
    certificate: who.certificate,
    algorithms: decodeAlgorithms(who.algorithms),
    documents: fromJson(who.documents),
    patient: who.patient,
    outcome: who.state,
    why,
  })
}

/** Why a recipient still waits, for `status`. A repeated attempt is no audit event. */
export async function explain(tx: Tx, recipient: TrackedRecipient, why: readonly Reason[]): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ why: encodeWhy(why) })
    .where('id', '=', recipient.recipient)
    .where('state', '=', 'queued')
    .execute()
}

function auditEvent(kind: TrackedRecipient['kind'], occurrence: Occurrence): AuditEvent {
  const about = kind === 'failure' ? 'failure' : 'mdn'
  if (occurrence === 'accepted') return kind === 'message' ? 'sent' : `${about}-sent`
  if (occurrence === 'undeliverable') return kind === 'message' ? 'failed' : `${about}-given-up`
  return occurrence
}

/** Something that `events` tells. */
export async function announce(
  tx: Tx,
  type: TrackingEventType,
  messageId: string | null,
  address: string | null,
  at: Date,
  why: readonly Reason[],
): Promise<void> {
  await addEvent.execute(tx, {
    type,
    message_id: messageId,
    address,
    at: at.getTime(),
    why: encodeWhy(why),
  })
}

const addEvent = prepared((db, event: Bound<Insertable<Schema['tracking_events']>>) =>
  db.insertInto('tracking_events').values(event),
)
