import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { hasCome, isFree, isSet, rangesThatHaveCome } from './due.ts'
import { GatheredTurns } from './gathered-turns.ts'
import type { NoticeId } from './incoming-types.ts'
import { loosely } from './loosely.ts'
import { addMessage } from './new-message.ts'
import { moveNotice } from './notices.ts'
import type { NewMessage, Outbox, OutboxCopy, StoredMessage, TriedRecipient } from './outgoing-types.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Schema } from './schema.ts'
import { synced } from './synced.ts'
import { storedMessages } from './tracking.ts'
import { settleTried } from './tried.ts'
import { inTurn, isShared } from './turn.ts'

/** Copies that one `claim` takes when it is not told. */
const CLAIMED = 20

export class SqlOutbox implements Outbox {
  readonly #db: Kysely<Schema>
  /** Many are sent side by side: each of these steps is taken by several at once. */
  readonly #turns: GatheredTurns
  readonly #holds: GatheredTurns
  /** The how-manieth try of each copy is under way here: whoever takes it over makes the next. */
  readonly #underWay = new Map<number, number>()

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#turns = new GatheredTurns((act) => inTurn(db, act))
    this.#holds = new GatheredTurns((act) => loosely(db, act))
  }

  async add(message: NewMessage, notice?: NoticeId): Promise<readonly OutboxCopy[]> {
    const held = await this.#turns.take(async (tx) => {
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
    if ((await dueCopies(this.#db, now, options)).length === 0) return []
    // When the power is lost nobody is sending any more, and the copy is as free as it was.
    const claimed = await loosely(this.#db, async (tx) => {
      const copies = await dueCopies(tx, now, options)
      if (copies.length === 0) return []
      const ids = copies.map(({ id }) => id)
      await tx
        .updateTable('copies')
        .set(({ eb }) => ({ held_until: until.getTime(), attempts: eb('attempts', '+', 1) }))
        .where('id', 'in', ids)
        .execute()
      const recipients = await tx
        .selectFrom('copy_recipients')
        .selectAll()
        .where('copy', 'in', ids)
        .orderBy('seq')
        .execute()
      return copies.map((copy) => {
        const own = recipients.filter((recipient) => recipient.copy === copy.id)
        return {
          id: copy.id,
          messageId: copy.message_id,
          kind: copy.kind,
          route: copy.route,
          domain: copy.domain,
          mailFrom: copy.mail_from,
          body: copy.body,
          attempts: copy.attempts,
          recipients: own.map(({ address }) => address),
          pending: own.filter(({ state }) => state === 'pending').map(({ address }) => address),
        }
      })
    })
    // What goes out has to be in the store whatever happens.
    await synced(this.#db)
    this.#begin(claimed)
    return claimed
  }

  async hold(copy: number, until: Date): Promise<void> {
    // As `claim`: whom a loss of power stops is at it no more.
    const attempt = this.#underWay.get(copy)
    if (attempt === undefined) return
    await this.#holds.take((tx) => holdCopy.execute(tx, { copy, attempt, until: until.getTime() }))
  }

  async tried(
    copy: number,
    outcomes: readonly TriedRecipient[],
    at: Date,
    retryAt: Date | null,
  ): Promise<void> {
    const attempt = this.#underWay.get(copy)
    await this.#turns.take((tx) => settleTried(tx, copy, { outcomes, at, retryAt, attempt }))
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

const holdCopy = prepared(
  (db, { copy, attempt, until }: Bound<{ copy: number; attempt: number; until: number }>) =>
    db
      .updateTable('copies')
      .set({ held_until: until })
      .where('id', '=', copy)
      .where('attempts', '=', attempt)
      .where('held_until', 'is not', null),
)

/** What `claim` may take, oldest first; what a clock dated that has been set back since comes when nothing else does. */
async function dueCopies(
  db: Kysely<Schema>,
  now: Date,
  options: NonNullable<Parameters<Outbox['claim']>[2]>,
) {
  const { messageId, route, notDomains = [], untriedSince, limit = CLAIMED, evenLate = false } = options
  for (const come of rangesThatHaveCome('next_at', now)) {
    let due = db
      .selectFrom('copies')
      .innerJoin('messages', 'messages.id', 'copies.message')
      .selectAll('copies')
      .select(['message_id', 'kind'])
      .where(come)
      .where(isFree(now))
    if (messageId !== undefined) due = due.where('message_id', '=', messageId)
    if (route !== undefined) due = due.where('copies.route', '=', route)
    if (notDomains.length > 0)
      due = due.where(({ eb, or }) =>
        or([eb('copies.route', '!=', 'tls'), eb('domain', 'not in', notDomains)]),
      )
    if (untriedSince !== undefined)
      due = due.where(({ eb, or }) =>
        or([eb('attempts', '>', 0), eb('kind', '!=', 'message'), hasCome('next_at', untriedSince)]),
      )
    if (!evenLate) due = due.where(({ not }) => not(isLate(now)))
    due = due.orderBy('next_at').orderBy('copies.id').limit(limit)
    // Others who claim at this moment neither wait for these copies nor get them.
    if (db.isTransaction && isShared(db)) due = due.forUpdate('copies').skipLocked()
    const copies = await due.execute()
    if (copies.length > 0) return copies
  }
  return []
}

/** That a copy waits for somebody whose time is up: the sender is about to be told that it did not arrive. */
function isLate(now: Date): RawBuilder<SqlBool> {
  return sql`exists (
    select 1 from copy_recipients
    inner join recipients on recipients.message = copies.message and recipients.address = copy_recipients.address
    where copy_recipients.copy = copies.id and copy_recipients.state = 'pending'
      and recipients.deadline <= ${now.getTime()})`
}
