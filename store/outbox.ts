import type { Kysely } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { advance, explain, type TrackedRecipient } from './advance.ts'
import { hasCome, isFree } from './due.ts'
import type { NoticeId } from './incoming-types.ts'
import { addMessage } from './new-message.ts'
import { moveNotice } from './notices.ts'
import type { NewMessage, Outbox, OutboxCopy, StoredMessage, TriedRecipient } from './outgoing-types.ts'
import { addressKey, type Schema, type Tx } from './schema.ts'
import { storedMessages } from './tracking.ts'

/** Copies that one `claim` takes when it is not told. */
const CLAIMED = 20

export class SqlOutbox implements Outbox {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async add(message: NewMessage, notice?: NoticeId): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      if (notice !== undefined && !(await moveNotice(tx, notice, 'queued'))) return
      await addMessage(tx, message)
    })
  }

  async byIdempotencyKey(idempotencyKey: string): Promise<StoredMessage | null> {
    return (await storedMessages(this.#db, { idempotencyKey }))[0] ?? null
  }

  async claim(now: Date, until: Date, options: Parameters<Outbox['claim']>[2] = {}): Promise<OutboxCopy[]> {
    return await this.#db.transaction().execute(async (tx) => {
      let due = tx
        .selectFrom('copies')
        .innerJoin('messages', 'messages.id', 'copies.message')
        .selectAll('copies')
        .select('message_id')
        .where(hasCome('next_at', now))
        .where(isFree(now))
      if (options.messageId !== undefined) due = due.where('message_id', '=', options.messageId)
      if (options.route !== undefined) due = due.where('copies.route', '=', options.route)
      const { untriedSince } = options
      if (untriedSince !== undefined)
        due = due.where(({ eb, or }) =>
          or([eb('attempts', '>', 0), eb('kind', '=', 'notification'), hasCome('next_at', untriedSince)]),
        )
      const copies = await due
        .orderBy('next_at')
        .orderBy('copies.id')
        .limit(options.limit ?? CLAIMED)
        .execute()
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
  }

  async hold(copy: number, until: Date): Promise<void> {
    await this.#db
      .updateTable('copies')
      .set({ held_until: until.getTime() })
      .where('id', '=', copy)
      .where('held_until', 'is not', null)
      .execute()
  }

  async tried(
    copy: number,
    outcomes: readonly TriedRecipient[],
    at: Date,
    retryAt: Date | null,
  ): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      const said = new Map(outcomes.map((outcome) => [addressKey(outcome.address), outcome]))
      let left = 0
      for (const { pending, ...recipient } of await recipientsOf(tx, copy)) {
        const decided = decide(said.get(recipient.address), retryAt === null)
        if (pending !== 'pending') {
          // Settled meanwhile, by an answer or by its deadline: what SMTP says now is for the audit.
          if (said.has(recipient.address) && decided.outcome !== null)
            await advance(tx, recipient, decided.outcome, at, decided.why)
          continue
        }
        if (decided.outcome === null) {
          left += 1
          await explain(tx, recipient, decided.why)
          continue
        }
        await tx
          .updateTable('copy_recipients')
          .set({ state: decided.outcome === 'accepted' ? 'accepted' : 'failed' })
          .where('copy', '=', copy)
          .where('address', '=', recipient.address)
          .execute()
        await advance(tx, recipient, decided.outcome, at, decided.why)
        if (recipient.kind === 'notification')
          await settleNotice(tx, recipient.message_id, decided.outcome === 'accepted')
      }
      await tx
        .updateTable('copies')
        .set({ held_until: null, next_at: left === 0 || retryAt === null ? null : retryAt.getTime() })
        .where('id', '=', copy)
        .execute()
    })
  }

  async nextDue(): Promise<Date | null> {
    const row = await this.#db
      .selectFrom('copies')
      .select(({ fn, eb }) =>
        fn
          .min(
            eb
              .case()
              .when(eb('held_until', '>', eb.ref('next_at')))
              .then(eb.ref('held_until'))
              .else(eb.ref('next_at'))
              .end(),
          )
          .as('due'),
      )
      .where('next_at', 'is not', null)
      .executeTakeFirst()
    return typeof row?.due === 'number' ? new Date(row.due) : null
  }

  async hastenNotices(now: Date, attempts: number): Promise<void> {
    const at = now.getTime()
    await this.#db.transaction().execute(async (tx) => {
      await tx
        .updateTable('notices')
        .set({ due_at: at })
        .where('state', '=', 'owed')
        .where('due_at', '>', at)
        .where('attempts', '<', attempts)
        .execute()
      await tx
        .updateTable('copies')
        .set({ next_at: at })
        .where('next_at', '>', at)
        .where('attempts', '<', attempts)
        .where('message', 'in', tx.selectFrom('messages').select('id').where('kind', '=', 'notification'))
        .execute()
    })
  }
}

/** What SMTP's word means for a recipient; `outcome` null: to be tried again. */
function decide(
  said: TriedRecipient | undefined,
  giveUp: boolean,
): { outcome: 'accepted' | 'undeliverable' | null; why: readonly Reason[] } {
  const text = said?.reply ?? 'no answer for this recipient'
  if (said?.outcome === 'accepted') return { outcome: 'accepted', why: [{ code: 'SMTP_ACCEPTED', text }] }
  if (said?.outcome === 'final') return { outcome: 'undeliverable', why: [{ code: 'SMTP_REFUSED', text }] }
  if (giveUp) return { outcome: 'undeliverable', why: [{ code: 'SMTP_GIVEN_UP', text }] }
  return {
    outcome: null,
    why: [{ code: said?.outcome === 'unknown' ? 'SMTP_IN_DOUBT' : 'SMTP_TEMPORARY', text }],
  }
}

/** Those of a copy, as `advance` wants them; `pending` is no more who was accepted, refused for good or settled otherwise. */
async function recipientsOf(
  tx: Tx,
  copy: number,
): Promise<(TrackedRecipient & { readonly pending: 'pending' | 'accepted' | 'failed' })[]> {
  return await tx
    .selectFrom('copy_recipients')
    .innerJoin('copies', 'copies.id', 'copy_recipients.copy')
    .innerJoin('messages', 'messages.id', 'copies.message')
    .innerJoin('recipients', (join) =>
      join
        .onRef('recipients.message', '=', 'messages.id')
        .onRef('recipients.address', '=', 'copy_recipients.address'),
    )
    .selectAll('messages')
    .select(['recipients.id as recipient', 'recipients.address', 'recipients.route'])
    .select(['certificate', 'algorithms'])
    .select(['recipients.state', 'copy_recipients.state as pending'])
    .where('copy', '=', copy)
    .where('copy_recipients.state', '=', 'pending')
    .orderBy('seq')
    .execute()
}

async function settleNotice(tx: Tx, messageId: string, accepted: boolean): Promise<void> {
  const notice = await tx
    .selectFrom('notices')
    .select('id')
    .where('message_id', '=', messageId)
    .executeTakeFirst()
  if (notice !== undefined) await moveNotice(tx, notice.id, accepted ? 'accepted' : 'given-up')
}
