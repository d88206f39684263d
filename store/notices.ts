import type { Kysely, Selectable } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import { isNoticeDue, type Moment, momentOf } from './due.ts'
import { addressKey } from './encoding.ts'
import { decodeConcerned } from './failures.ts'
import type { NewNotice, Notice, NoticeId, Receipt } from './incoming-types.ts'
import { asName } from './kept-text.ts'
import { type Bound, prepared } from './prepared.ts'
import { dueAt, type Owing } from './restraint.ts'
import type { Schema, Tx } from './schema.ts'
import { NOTICE_MOVES, type NoticeOccurrence } from './states.ts'

/**
 * The `processed` MDN that we owe for a delivery (N-1). One per delivery, under one Message-ID however often it has to be
 * sent; when the message comes again, its MDNs that SMTP never took are owed again (IN-10).
 */
export async function owe(
  tx: Tx,
  { delivery, isNew }: { readonly delivery: number; readonly isNew: boolean },
  notice: NewNotice,
  owing: Owing,
): Promise<void> {
  const earlier = isNew
    ? []
    : await tx.selectFrom('notices').select('id').where('delivery', '=', delivery).execute()
  for (const { id } of earlier)
    if (await moveNotice(tx, id, 'owed-again'))
      await tx
        .updateTable('notices')
        .set({ attempts: 0, due_at: owing.at.getTime() })
        .where('id', '=', id)
        .execute()
  if (earlier.length > 0) return
  const { messageId, recipient, to, originalMessageId: about } = notice
  await oweMdn(tx, { delivery, kind: 'processed', messageId, from: recipient, to, about }, owing)
}

interface Mdn {
  readonly delivery: number
  readonly kind: Receipt['kind']
  readonly messageId: string
  readonly from: string
  readonly to: string
  readonly about: string
}

export async function oweMdn(
  tx: Tx,
  { delivery, kind, messageId, from, to, about }: Mdn,
  owing: Owing,
): Promise<void> {
  const due = await dueAt(tx, to, owing)
  await insertMdn.execute(tx, {
    delivery,
    message_id: messageId,
    kind,
    sender: addressKey(from),
    recipient: addressKey(to),
    original_message_id: asName(about),
    due_at: due.getTime(),
    created_at: owing.at.getTime(),
  })
  if (due > owing.at)
    await record(tx, {
      ...UNKNOWN_TO_RECEIVER,
      at: owing.at,
      event: 'mdn-put-off',
      messageId,
      from,
      address: to,
      certificate: null,
      outcome: 'put-off',
      why: [
        {
          code: 'TOO_MANY_NOTIFICATIONS',
          text: `${owing.perHour} MDNs go to ${to} within an hour, no more; this one goes from ${due.toISOString()} on`,
        },
      ],
    })
}

type NewMdn = Pick<
  Selectable<Schema['notices']>,
  'message_id' | 'kind' | 'sender' | 'recipient' | 'original_message_id' | 'due_at' | 'created_at'
> & { readonly delivery: number }

const insertMdn = prepared((db, row: Bound<NewMdn>) =>
  db.insertInto('notices').values({ ...row, state: 'owed', attempts: 0 }),
)

/** True when the occurrence changed its state. */
export async function moveNotice(tx: Tx, id: NoticeId, occurrence: NoticeOccurrence): Promise<boolean> {
  return (await MOVES[occurrence].executeTakeFirst(tx, { id })) !== undefined
}

/** The same of the one that went out under a Message-ID, which each has for itself. */
export async function settleNotice(tx: Tx, messageId: string, accepted: boolean): Promise<void> {
  await SETTLED[accepted ? 'accepted' : 'given-up'].executeTakeFirst(tx, { messageId })
}

const moved = (db: Kysely<Schema>, { from, to }: (typeof NOTICE_MOVES)[NoticeOccurrence]) =>
  db.updateTable('notices').set({ state: to }).where('state', 'in', from).returning('id')

function move(occurrence: NoticeOccurrence) {
  return prepared((db, { id }: Bound<{ id: NoticeId }>) =>
    moved(db, NOTICE_MOVES[occurrence]).where('id', '=', id),
  )
}

const MOVES = {
  queued: move('queued'),
  accepted: move('accepted'),
  'given-up': move('given-up'),
  'owed-again': move('owed-again'),
} as const satisfies Record<NoticeOccurrence, unknown>

function settle(occurrence: 'accepted' | 'given-up') {
  return prepared((db, { messageId }: Bound<{ messageId: string }>) =>
    moved(db, NOTICE_MOVES[occurrence]).where('message_id', '=', messageId),
  )
}

const SETTLED = { accepted: settle('accepted'), 'given-up': settle('given-up') } as const

export async function dueNotices(db: Kysely<Schema>, now: Date, limit: number): Promise<Notice[]> {
  const rows = await dueOf.execute(db, { ...momentOf(now), limit })
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

const dueOf = prepared((db, { limit, ...moment }: Bound<Moment & { limit: number }>) =>
  db
    .selectFrom('notices')
    .leftJoin('messages', 'messages.id', 'notices.message')
    .selectAll('notices')
    .select('messages.at as sent_at')
    .where('state', '=', 'owed')
    .where(isNoticeDue(moment))
    .orderBy('due_at')
    .orderBy('notices.id')
    .limit(limit),
)

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
    ...UNKNOWN_TO_RECEIVER,
    at,
    event: notice.kind === 'failure' ? 'failure-given-up' : 'mdn-given-up',
    messageId: notice.message_id,
    from: notice.sender,
    address: notice.recipient,
    certificate: null,
    outcome: 'given-up',
    why,
  })
}
