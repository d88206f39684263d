import type { Kysely } from 'kysely'
import { isSet } from './due.ts'
import { CLAIMED, type Copy, dueCopies } from './due-copies.ts'
import { auditLost, markUnheard } from './in-doubt.ts'
import type { NoticeId } from './incoming-types.ts'
import { addMessage } from './new-message.ts'
import { moveNotice } from './notices.ts'
import type { NewMessage, Outbox, OutboxCopy, StoredMessage, TriedRecipient } from './outgoing-types.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'
import type { StoreTurns } from './store-turns.ts'
import { synced } from './synced.ts'
import { storedMessages } from './tracking.ts'
import { settleTried } from './tried.ts'
import { inTurn } from './turn.ts'

export class SqlOutbox implements Outbox {
  readonly #db: Kysely<Schema>
  readonly #turns: StoreTurns
  /** The how-manieth try of each copy is under way here: whoever takes it over makes the next. */
  readonly #underWay = new Map<number, number>()

  constructor(db: Kysely<Schema>, turns: StoreTurns) {
    this.#db = db
    this.#turns = turns
  }

  async add(message: NewMessage, notice?: NoticeId): Promise<readonly OutboxCopy[]> {
    const held = await this.#turns.lasting.take(async (tx) => {
      if (notice !== undefined && !(await moveNotice(tx, notice, 'queued'))) return []
      return await addMessage(tx, message)
    })
    this.#begin(held)
    return held
  }

  #begin(copies: readonly OutboxCopy[]): void {
    for (const { id, attempts } of copies) this.#underWay.set(id, attempts + 1)
  }

  async byIdempotencyKey(idempotencyKey: string): Promise<StoredMessage | null> {
    const [found] = await storedMessages(this.#db, { idempotencyKey })
    // Whoever hears of it relies on it.
    if (found !== undefined) await synced(this.#db)
    return found ?? null
  }

  async claim(now: Date, until: Date, options: Parameters<Outbox['claim']>[2] = {}): Promise<OutboxCopy[]> {
    // Nobody else is kept waiting to learn that there is nothing.
    if ((await freeCopies(this.#db, now, options)).length === 0) return []
    // When the power is lost nobody is sending any more, and the copy is as free as it was.
    const { claimed, abandoned } = await this.#turns.loose.take(async (tx) => {
      const due = await freeCopies(tx, now, options)
      const copies: OutboxCopy[] = []
      for (const copy of due) copies.push(await take(tx, copy, until))
      // Whoever had it ended before the try did.
      return { claimed: copies, abandoned: due.filter(({ held_until }) => held_until !== null) }
    })
    if (abandoned.length > 0)
      await this.#turns.lasting.take(async (tx) => {
        for (const { id } of abandoned) await auditLost(tx, id, now)
      })
    // What goes out has to be in the store whatever happens.
    await synced(this.#db)
    this.#begin(claimed)
    return claimed
  }

  async hold(copy: number, until: Date, mayBeTaken: readonly string[] = []): Promise<void> {
    // As `claim`: whom a loss of power stops is at it no more.
    const attempt = this.#underWay.get(copy)
    if (attempt === undefined) return
    await this.#turns.loose.take(async (tx) => {
      // Whoever settles a recipient goes at its row first as well: on PostgreSQL neither waits for the other for ever.
      await markUnheard(tx, copy, mayBeTaken)
      await holdCopy.execute(tx, { copy, attempt, until: until.getTime() })
    })
  }

  async tried(
    copy: number,
    outcomes: readonly TriedRecipient[],
    at: Date,
    retryAt: Date | null,
  ): Promise<void> {
    const attempt = this.#underWay.get(copy)
    await this.#turns.lasting.take((tx) => settleTried(tx, copy, { outcomes, at, retryAt, attempt }))
    this.#underWay.delete(copy)
  }

  async nextDue(): Promise<Date | null> {
    const free = await this.#db
      .selectFrom('copies')
      .select('next_at')
      .where(isSet('next_at'))
      .where('held_until', 'is', null)
      .orderBy('next_at')
      .limit(1)
      .executeTakeFirst()
    // What is held was due before: no more than a few stand before the first that is free.
    let held = this.#db
      .selectFrom('copies')
      .select(({ fn, eb }) =>
        fn
          .min(
            eb
              .case()
              .when('held_until', '>', eb.ref('next_at'))
              .then(eb.ref('held_until'))
              .else(eb.ref('next_at'))
              .end(),
          )
          .as('due'),
      )
      .where(isSet('next_at'))
      .where('held_until', 'is not', null)
    if (typeof free?.next_at === 'number') held = held.where('next_at', '<', free.next_at)
    const { due } = await held.executeTakeFirstOrThrow()
    const first = Math.min(due ?? Number.POSITIVE_INFINITY, free?.next_at ?? Number.POSITIVE_INFINITY)
    return Number.isFinite(first) ? new Date(first) : null
  }

  async hastenNotices(now: Date, attempts: number): Promise<void> {
    const at = now.getTime()
    await inTurn(this.#db, async (tx) => {
      await tx
        .updateTable('notices')
        .set({ due_at: at })
        .where('state', '=', 'owed')
        .where('due_at', '>', at)
        // One that was never tried was put off so that its correspondent does not get too many.
        .where('attempts', '>', 0)
        .where('attempts', '<', attempts)
        .execute()
      await tx
        .updateTable('copies')
        .set({ next_at: at })
        .where('next_at', '>', at)
        .where('attempts', '<', attempts)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('messages')
              .select('messages.id')
              .whereRef('messages.id', '=', 'copies.message')
              .where('kind', '!=', 'message'),
          ),
        )
        .execute()
    })
  }
}

/** What is due, without what the caller is at itself, whatever a clock that leapt says of the hold. */
async function freeCopies(
  db: Kysely<Schema>,
  now: Date,
  { underWay = [], limit = CLAIMED, ...options }: NonNullable<Parameters<Outbox['claim']>[2]>,
): Promise<readonly Copy[]> {
  const due = await dueCopies(db, now, { ...options, limit: limit + underWay.length })
  return due.filter(({ id }) => !underWay.includes(id)).slice(0, limit)
}

/** Holds a copy that is due, for its next try. */
async function take(tx: Tx, copy: Copy, until: Date): Promise<OutboxCopy> {
  const { id, route, domain, body, kind, attempts } = copy
  await takeCopy.execute(tx, { id, until: until.getTime() })
  const recipients = await recipientsOf.execute(tx, { copy: id })
  return {
    id,
    messageId: copy.message_id,
    kind,
    route,
    domain,
    mailFrom: copy.mail_from,
    body,
    attempts,
    recipients: recipients.map(({ address }) => address),
    pending: recipients.filter(({ state }) => state === 'pending').map(({ address }) => address),
  }
}

const takeCopy = prepared((db, { id, until }: Bound<{ id: number; until: number }>) =>
  db
    .updateTable('copies')
    .set(({ eb }) => ({ held_until: until, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', id),
)

const recipientsOf = prepared((db, { copy }: Bound<{ copy: number }>) =>
  db.selectFrom('copy_recipients').select(['address', 'state']).where('copy', '=', copy).orderBy('seq'),
)

const holdCopy = prepared(
  (db, { copy, attempt, until }: Bound<{ copy: number; attempt: number; until: number }>) =>
    db
      .updateTable('copies')
      .set({ held_until: until })
      .where('id', '=', copy)
      .where('attempts', '=', attempt)
      .where('held_until', 'is not', null),
)
