import { type Kysely, sql } from 'kysely'
import { deliveriesOf, recordPutOff, settleDelivery } from './deliveries.ts'
import { keyOf } from './delivery-key.ts'
import type { Deliveries, UntakenMessage, WaitingDelivery } from './delivery-types.ts'
import { hasComeIn, isFree, type Moment, momentOf, type Range } from './due.ts'
import { encodeWhy } from './encoding.ts'
import { entryOf, settleEntry } from './entries.ts'
import type { DeliveryOutcome, InboxDelivery } from './incoming-types.ts'
import { type Bound, prepared } from './prepared.ts'
import { MDNS_PER_HOUR } from './restraint.ts'
import type { Schema, Tx } from './schema.ts'
import type { StoreTurns } from './store-turns.ts'
import { inTurn } from './turn.ts'
import { untakenMessages } from './untaken.ts'

/** Written out, as the index holds those alone. */
const PENDING = sql.lit('pending' as const)

export class SqlDeliveries implements Deliveries {
  readonly #db: Kysely<Schema>
  readonly #turns: StoreTurns
  readonly #perHour: number
  /**
   * What was claimed here, by its key: the times until which it was to be held. Who takes it over, as this process was
   * stopped for longer, holds it until a later one: by that it is known whose it is.
   */
  readonly #held = new Map<string, Set<number>>()

  /** `perHour`: MDNs to one correspondent within an hour. */
  constructor(db: Kysely<Schema>, turns: StoreTurns, perHour = MDNS_PER_HOUR) {
    this.#db = db
    this.#turns = turns
    this.#perHour = perHour
  }

  async claim(now: Date, until: Date): Promise<WaitingDelivery | null> {
    // Who only looks whether there is work takes no turn from those who write.
    if ((await nextDue(this.#db, now)) === undefined) return null
    const claimed = await inTurn(this.#db, async (tx) => {
      const due = await nextDue(tx, now)
      if (due === undefined) return null
      const { entry, key, attempts } = due
      const opened = await deliveriesOf(tx, entry)
      const deliveries = opened.filter((one) => one.fresh && one.state === 'pending' && one.key === key)
      await tx
        .updateTable('inbox_deliveries')
        .set({ held_until: until.getTime() })
        .where('id', 'in', idsOf(deliveries))
        .execute()
      return { entry: await entryOf(tx, entry), key, deliveries, attempts }
    })
    if (claimed === null) return null
    // A clock that leapt ends holds: what this process is at already is its own all the same.
    this.#held.set(claimed.key, (this.#held.get(claimed.key) ?? new Set()).add(until.getTime()))
    return claimed
  }

  async hold({ key, deliveries }: WaitingDelivery, until: Date): Promise<void> {
    const held = this.#held.get(key)
    if (held === undefined) return
    const times = [...held]
    held.add(until.getTime())
    await inTurn(this.#db, async (tx) => {
      await tx
        .updateTable('inbox_deliveries')
        .set({ held_until: until.getTime() })
        .where('id', 'in', idsOf(deliveries))
        .where('held_until', 'in', times)
        .execute()
    })
  }

  async settle({ key }: WaitingDelivery, outcomes: readonly DeliveryOutcome[], at: Date): Promise<void> {
    await this.#turns.lasting.take(async (tx) => {
      for (const outcome of outcomes) await settleDelivery(tx, outcome, { at, perHour: this.#perHour })
    })
    this.#held.delete(key)
  }

  async giveUp(waiting: WaitingDelivery, { at, why }: Parameters<Deliveries['giveUp']>[1]): Promise<boolean> {
    const given = await inTurn(this.#db, async (tx) => {
      const ids = await this.#untaken(tx, waiting)
      for (const delivery of ids) {
        const outcome = { delivery, outcome: 'rejected', where: null, why } as const
        await settleDelivery(tx, outcome, { at, perHour: this.#perHour })
      }
      return ids.length > 0
    })
    this.#held.delete(waiting.key)
    return given
  }

  async putOff(
    waiting: WaitingDelivery,
    { at, retryAt, failed, why }: Parameters<Deliveries['putOff']>[1],
  ): Promise<void> {
    await inTurn(this.#db, async (tx) => {
      const ids = await this.#untaken(tx, waiting)
      if (ids.length === 0) return
      if (why.length > 0) await recordPutOff(tx, ids, at, why)
      await tx
        .updateTable('inbox_deliveries')
        .set(({ eb }) => ({
          next_at: retryAt?.getTime() ?? null,
          held_until: null,
          // Who stopped, or passed it by, has learnt nothing new.
          ...(why.length > 0 && { why: encodeWhy(why) }),
          ...(failed && { attempts: eb('attempts', '+', 1) }),
        }))
        .where('id', 'in', ids)
        .execute()
    })
    this.#held.delete(waiting.key)
  }

  /** Those of a message that have no outcome yet, and that nobody else has taken over. */
  async #untaken(tx: Tx, { key, deliveries }: WaitingDelivery): Promise<readonly number[]> {
    const held = [...(this.#held.get(key) ?? [])]
    const rows = await tx
      .selectFrom('inbox_deliveries')
      .select('id')
      .where('id', 'in', idsOf(deliveries))
      .where('state', '=', 'pending')
      .where(({ or, eb }) =>
        or([eb('held_until', 'is', null), ...(held.length > 0 ? [eb('held_until', 'in', held)] : [])]),
      )
      .orderBy('id')
      .execute()
    return rows.map(({ id }) => id)
  }

  async notTaken(
    deliveries: readonly InboxDelivery[],
    { at, next, why }: Parameters<Deliveries['notTaken']>[1],
  ): Promise<void> {
    await inTurn(this.#db, async (tx) => {
      const free = await tx
        .selectFrom('inbox_deliveries')
        .select('id')
        .where('id', 'in', idsOf(deliveries))
        .where('state', '=', 'pending')
        .where(isFree(momentOf(at)))
        .execute()
      const ids = free.map(({ id }) => id)
      if (ids.length === 0) return
      await recordPutOff(tx, ids, at, why)
      await tx
        .updateTable('inbox_deliveries')
        .set({ next_at: next.getTime(), why: encodeWhy(why) })
        .where('id', 'in', ids)
        .execute()
    })
  }

  async schedule(deliveries: readonly InboxDelivery[], at: Date): Promise<void> {
    await inTurn(this.#db, async (tx) => {
      for (const { id, key } of deliveries)
        await tx
          .updateTable('inbox_deliveries')
          .set({ next_at: at.getTime(), key })
          .where('id', '=', id)
          .where('state', '=', 'pending')
          .where('next_at', 'is', null)
          .execute()
    })
  }

  async close(entries: readonly number[], at: Date): Promise<void> {
    await inTurn(this.#db, async (tx) => {
      for (const id of entries) await settleEntry(tx, id, at)
    })
  }

  async untaken(now: Date, messageId?: string): Promise<readonly UntakenMessage[]> {
    return await untakenMessages(this.#db, now, messageId)
  }

  async settledKeys(innerSha256s: readonly string[]): Promise<readonly string[]> {
    if (innerSha256s.length === 0) return []
    const rows = await this.#db
      .selectFrom('inbox_deliveries')
      .select(['key', 'signer', 'inner_sha256', 'recipient', 'state'])
      .where('inner_sha256', 'in', innerSha256s)
      .execute()
    const pending = new Set(rows.filter(({ state }) => state === 'pending').map(keyOf))
    return [...new Set(rows.map(keyOf))].filter((key) => !pending.has(key))
  }

  async figures(): Promise<{ readonly waiting: number; readonly oldest: Date | null }> {
    const { waiting, oldest } = await this.#db
      .selectFrom('inbox_deliveries')
      .select(({ fn }) => [
        fn.count<number>('key').distinct().as('waiting'),
        fn.min<number | null>('at').as('oldest'),
      ])
      .where('state', '=', PENDING)
      .where('next_at', 'is not', null)
      .executeTakeFirstOrThrow()
    return { waiting: Number(waiting), oldest: oldest === null ? null : new Date(Number(oldest)) }
  }
}

/** The delivery that is due first among those that nobody holds; what a clock dated that has been set back since is last. */
async function nextDue(db: Kysely<Schema>, now: Date) {
  for (const next of [nextPast, nextAhead]) {
    const due = await next.executeTakeFirst(db, momentOf(now))
    if (due !== undefined && due.key !== null) return { ...due, key: due.key }
  }
  return undefined
}

const [nextPast, nextAhead] = [nextOf('past'), nextOf('ahead')]

function nextOf(range: Range) {
  return prepared((db, moment: Bound<Moment>) =>
    db
      .selectFrom('inbox_deliveries')
      .innerJoin('inbox_entries', 'inbox_entries.id', 'inbox_deliveries.entry')
      .select(['inbox_deliveries.entry', 'inbox_deliveries.key', 'inbox_deliveries.attempts'])
      .where('inbox_deliveries.state', '=', PENDING)
      .where('inbox_deliveries.next_at', 'is not', null)
      .where(hasComeIn(range, 'inbox_deliveries.next_at', moment))
      .where('inbox_deliveries.key', 'is not', null)
      .where('inbox_entries.body', 'is not', null)
      .where(isFree(moment, 'inbox_deliveries.held_until'))
      .orderBy('inbox_deliveries.next_at')
      .orderBy('inbox_deliveries.id')
      .limit(1),
  )
}

function idsOf(deliveries: readonly InboxDelivery[]): readonly number[] {
  return deliveries.map(({ id }) => id)
}
