import type { Kysely } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { record } from './audit.ts'
import { hasCome } from './due.ts'
import { decodeConcerned } from './failures.ts'
import type { NewNotice, Notice, NoticeId } from './incoming-types.ts'
import { addressKey, type Schema, type Tx } from './schema.ts'
import { type NoticeOccurrence, nextNoticeState } from './states.ts'

/** MDNs that we owe (N-1). One per delivery, under one Message-ID however often it has to be sent. */
export async function owe(tx: Tx, delivery: number, notice: NewNotice, at: Date): Promise<void> {
  const earlier = await tx
    .selectFrom('notices')
    .select('id')
    .where('delivery', '=', delivery)
    .where('kind', '=', 'processed')
    .executeTakeFirst()
  if (earlier !== undefined) {
    if (await moveNotice(tx, earlier.id, 'owed-again'))
      await tx
        .updateTable('notices')
        .set({ attempts: 0, due_at: at.getTime() })
        .where('id', '=', earlier.id)
        .execute()
    return
  }
  await tx
    .insertInto('notices')
    .values({
      delivery,
      message_id: notice.messageId,
      kind: 'processed',
      sender: addressKey(notice.recipient),
      recipient: addressKey(notice.to),
      original_message_id: notice.originalMessageId,
      state: 'owed',
      attempts: 0,
      due_at: at.getTime(),
      created_at: at.getTime(),
    })
    .execute()
}

/** True when the occurrence changed its state. */
export async function moveNotice(tx: Tx, id: NoticeId, occurrence: NoticeOccurrence): Promise<boolean> {
  const notice = await tx.selectFrom('notices').select('state').where('id', '=', id).executeTakeFirst()
  if (notice === undefined) return false
  const state = nextNoticeState(notice.state, occurrence)
  if (state === notice.state) return false
  await tx.updateTable('notices').set({ state }).where('id', '=', id).execute()
  return true
}

export async function dueNotices(db: Kysely<Schema>, now: Date, limit: number): Promise<Notice[]> {
  const rows = await db
    .selectFrom('notices')
    .leftJoin('messages', 'messages.id', 'notices.message')
    .selectAll('notices')
    .select('messages.at as sent_at')
    .where('state', '=', 'owed')
    .where(hasCome('due_at', now))
    .orderBy('due_at')
    .orderBy('notices.id')
    .limit(limit)
    .execute()
  return rows.map(({ kind, detail, sent_at, ...row }) => {
    const owed = {
      id: row.id,
      messageId: row.message_id,
      from: row.sender,
      to: row.recipient,
      originalMessageId: row.original_message_id,
      attempts: row.attempts,
    }
    if (kind !== 'failure') return { ...owed, kind }
    return { ...owed, kind, concerned: decodeConcerned(detail), sentAt: new Date(sent_at ?? row.created_at) }
  })
}

/** It could not be sealed: again at `retryAt`, or given up for good, which is audited. */
export async function postpone(
  tx: Tx,
  id: NoticeId,
  at: Date,
  retryAt: Date | null,
  why: readonly Reason[],
): Promise<void> {
  const notice = await tx
    .updateTable('notices')
    .set(({ eb }) => ({
      attempts: eb('attempts', '+', 1),
      ...(retryAt === null ? {} : { due_at: retryAt.getTime() }),
    }))
    .where('id', '=', id)
    .where('state', '=', 'owed')
    .returningAll()
    .executeTakeFirst()
  if (notice === undefined || retryAt !== null) return
  await moveNotice(tx, id, 'given-up')
  await record(tx, {
    at,
    event: notice.kind === 'failure' ? 'failure-given-up' : 'mdn-given-up',
    actor: null,
    messageId: notice.message_id,
    from: notice.sender,
    address: notice.recipient,
    route: null,
    certificate: null,
    documents: [],
    patient: null,
    outcome: 'given-up',
    why,
  })
}
