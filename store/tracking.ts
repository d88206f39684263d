import type { Kysely, Selectable } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { type AuditEvent, record } from './audit.ts'
import type {
  DeliveryState,
  DeliveryStatus,
  StoredMessage,
  Tracking,
  TrackingEvent,
  TrackingEventType,
} from './outgoing-types.ts'
import { addressKey, decodeAlgorithms, decodeWhy, encodeWhy, type Schema, type Tx } from './schema.ts'
import { nextState, type Occurrence } from './states.ts'

export class SqlTracking implements Tracking {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async notified(
    notification: Parameters<Tracking['notified']>[0],
    at: Date,
    why: readonly Reason[],
  ): ReturnType<Tracking['notified']> {
    return await this.#db.transaction().execute(async (tx) => {
      const rows = await tx
        .selectFrom('messages')
        .innerJoin('recipients', 'recipients.message', 'messages.id')
        .selectAll('messages')
        .select(['recipients.id as recipient', 'address', 'route', 'certificate', 'algorithms', 'state'])
        .where('message_id', '=', notification.originalMessageId)
        .where('kind', '=', 'message')
        .where('address', '=', addressKey(notification.recipient))
        .orderBy('messages.id', 'desc')
        .execute()
      let answer: { state: DeliveryState; changed: boolean } | null = null
      // A file that was sent twice has two rows of one Message-ID; a notification cannot tell them apart.
      for (const row of rows) {
        const moved = await advance(tx, row, notification.disposition, at, why)
        answer ??= moved
      }
      return answer
    })
  }

  async status(messageId?: string): Promise<readonly StoredMessage[]> {
    return await storedMessages(this.#db, messageId === undefined ? {} : { messageId })
  }

  async events(after: number, limit = 100): Promise<readonly TrackingEvent[]> {
    const rows = await this.#db
      .selectFrom('tracking_events')
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map((row) => ({
      id: row.id,
      type: row.type,
      messageId: row.message_id,
      address: row.address,
      at: new Date(row.at),
      why: decodeWhy(row.why),
    }))
  }

  async lastEvent(): Promise<number> {
    const row = await this.#db
      .selectFrom('tracking_events')
      .select(({ fn }) => fn.max('id').as('id'))
      .executeTakeFirst()
    return row?.id ?? 0
  }
}

/** One recipient of one message of ours, with what its audit rows repeat. */
export interface TrackedRecipient extends Selectable<Schema['messages']> {
  readonly recipient: number
  readonly address: string
  readonly route: string
  readonly certificate: string | null
  readonly algorithms: string | null
  readonly state: DeliveryState
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
    await tx
      .updateTable('recipients')
      .set({ state, at: at.getTime(), why: encodeWhy(why) })
      .where('id', '=', who.recipient)
      .execute()
    if (state !== 'queued' && state !== 'sent' && state !== 'refused' && who.kind === 'message')
      await announce(tx, state, who.message_id, who.address, at, why)
  }
  await recordOf(tx, { ...who, state }, auditEvent(who.kind, occurrence), at, why)
  return { state, changed }
}

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
    documents: JSON.parse(who.documents) as string[],
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
  if (occurrence === 'accepted') return kind === 'message' ? 'sent' : 'mdn-sent'
  if (occurrence === 'undeliverable') return kind === 'message' ? 'failed' : 'mdn-given-up'
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
  await tx
    .insertInto('tracking_events')
    .values({ type, message_id: messageId, address, at: at.getTime(), why: encodeWhy(why) })
    .execute()
}

/** Newest first, recipients in the order in which they were given. */
export async function storedMessages(
  db: Kysely<Schema>,
  which: { readonly messageId?: string; readonly idempotencyKey?: string },
): Promise<StoredMessage[]> {
  let query = db
    .selectFrom('messages')
    .leftJoin('recipients', 'recipients.message', 'messages.id')
    .select(['messages.id', 'message_id', 'sender', 'messages.at as sent_at'])
    .select(['address', 'route', 'algorithms', 'state', 'recipients.at', 'why'])
  // Asked for by its id, an MDN of ours is told as well: the log names it when it could not be handed over.
  query =
    which.messageId === undefined
      ? query.where('kind', '=', 'message')
      : query.where('message_id', '=', which.messageId)
  if (which.idempotencyKey !== undefined) query = query.where('idempotency_key', '=', which.idempotencyKey)
  const rows = await query
    .orderBy('messages.at', 'desc')
    .orderBy('messages.id', 'desc')
    .orderBy('recipients.id')
    .execute()
  const messages = new Map<number, StoredMessage & { recipients: DeliveryStatus[] }>()
  for (const row of rows) {
    let message = messages.get(row.id)
    if (message === undefined) {
      message = { messageId: row.message_id, from: row.sender, at: new Date(row.sent_at), recipients: [] }
      messages.set(row.id, message)
    }
    const { address, route, state, at, why } = row
    if (address !== null && route !== null && state !== null && at !== null && why !== null) {
      const algorithms = decodeAlgorithms(row.algorithms)
      message.recipients.push({ address, route, state, at: new Date(at), algorithms, why: decodeWhy(why) })
    }
  }
  return [...messages.values()]
}
