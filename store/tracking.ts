import type { Kysely } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { advance, TRACKED } from './advance.ts'
import { addressKey, decodeAlgorithms, decodeWhy } from './encoding.ts'
import { expireDue } from './expiry.ts'
import { asKey, asName } from './kept-text.ts'
import type {
  DeliveryState,
  DeliveryStatus,
  ExpireOptions,
  StoredMessage,
  Tracking,
  TrackingEvent,
} from './outgoing-types.ts'
import { type Bound, prepared } from './prepared.ts'
import { NOT_QUEUED, triesOfQueued } from './queued.ts'
import type { Schema } from './schema.ts'
import type { StoreTurns } from './store-turns.ts'
import { synced } from './synced.ts'

export class SqlTracking implements Tracking {
  readonly #db: Kysely<Schema>
  readonly #turns: StoreTurns

  constructor(db: Kysely<Schema>, turns: StoreTurns) {
    this.#db = db
    this.#turns = turns
  }

  async notified(
    notification: Parameters<Tracking['notified']>[0],
    at: Date,
    why: readonly Reason[],
  ): ReturnType<Tracking['notified']> {
    return await this.#turns.lasting.take(async (tx) => {
      const rows = await answeredBy.execute(tx, {
        messageId: asName(notification.originalMessageId),
        address: addressKey(notification.recipient),
      })
      let answer: { state: DeliveryState; changed: boolean } | null = null
      // A file that was sent twice has two rows of one Message-ID; a notification cannot tell them apart.
      for (const row of rows) {
        const moved = await advance(tx, row, notification.disposition, at, why)
        answer ??= moved
      }
      return answer
    })
  }

  async expire(now: Date, options: ExpireOptions): Promise<number> {
    return await expireDue(this.#db, now, options)
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
    // Whoever is told of one acts upon it, and goes on behind its number.
    if (rows.length > 0) await synced(this.#db)
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

const answeredBy = prepared((db, { messageId, address }: Bound<{ messageId: string; address: string }>) =>
  db
    .selectFrom('messages')
    .innerJoin('recipients', 'recipients.message', 'messages.id')
    .selectAll('messages')
    .select(TRACKED)
    .where('message_id', '=', messageId)
    .where('kind', '=', 'message')
    .where('address', '=', address)
    .orderBy('messages.id', 'desc'),
)

function withRecipients(db: Kysely<Schema>) {
  return db
    .selectFrom('messages')
    .leftJoin('recipients', 'recipients.message', 'messages.id')
    .select(['messages.id', 'message_id', 'sender', 'messages.at as sent_at'])
    .select(['address', 'route', 'algorithms', 'state', 'recipients.at', 'why'])
    .orderBy('messages.at', 'desc')
    .orderBy('messages.id', 'desc')
    .orderBy('recipients.id')
}

/** Asked for by its id, an MDN of ours is told as well: the log names it when it could not be handed over. */
const byMessageId = prepared((db, { messageId }: Bound<{ messageId: string }>) =>
  withRecipients(db).where('message_id', '=', messageId),
)

const byIdempotencyKey = prepared((db, { idempotencyKey }: Bound<{ idempotencyKey: string }>) =>
  withRecipients(db).where('kind', '=', 'message').where('idempotency_key', '=', idempotencyKey),
)

/** Newest first, recipients in the order in which they were given. */
export async function storedMessages(
  db: Kysely<Schema>,
  which: { readonly messageId?: string; readonly idempotencyKey?: string },
): Promise<StoredMessage[]> {
  const { messageId, idempotencyKey } = which
  const rows =
    messageId !== undefined
      ? await byMessageId.execute(db, { messageId: asName(messageId) })
      : idempotencyKey !== undefined
        ? await byIdempotencyKey.execute(db, { idempotencyKey: asKey(idempotencyKey) })
        : await withRecipients(db).where('kind', '=', 'message').execute()
  const queued = new Set(rows.filter(({ state }) => state === 'queued').map(({ id }) => id))
  const triesOf = await triesOfQueued(db, [...queued])
  const messages = new Map<number, StoredMessage & { recipients: DeliveryStatus[] }>()
  for (const row of rows) {
    let message = messages.get(row.id)
    if (message === undefined) {
      message = { messageId: row.message_id, from: row.sender, at: new Date(row.sent_at), recipients: [] }
      messages.set(row.id, message)
    }
    const { address, route, state, at, why } = row
    if (address !== null && route !== null && state !== null && at !== null && why !== null) {
      message.recipients.push({
        address,
        route,
        state,
        at: new Date(at),
        algorithms: decodeAlgorithms(row.algorithms),
        ...(state === 'queued' ? triesOf(row.id, address) : NOT_QUEUED),
        why: decodeWhy(why),
      })
    }
  }
  return [...messages.values()]
}
