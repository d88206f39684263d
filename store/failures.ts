import { type Kysely, sql } from 'kysely'
import { record } from './audit.ts'
import { decodeWhy, fromJson } from './encoding.ts'
import type { Concerned } from './incoming-types.ts'
import type { Schema, Tx } from './schema.ts'
import { inTurn } from './turn.ts'

/** Messages whose notices one call owes. */
const AT_ONCE = 50

/**
 * N-8: for each message with recipients that failed or expired and that its sender has not been told of, one failure
 * notice that is owed from now on and lists them. Each recipient stands in one notice. `newId` null: nobody wants notices.
 */
export async function oweFailures(
  db: Kysely<Schema>,
  now: Date,
  newId: ((sender: string) => string) | null,
  limit = AT_ONCE,
): Promise<number> {
  const messages = await db
    .selectFrom('recipients')
    .select('message')
    .distinct()
    // Written out: an index of those alone serves no parameter.
    .where('untold', '=', sql.lit(1))
    .limit(limit)
    .execute()
  if (newId === null && messages.length > 0)
    await db.updateTable('recipients').set({ untold: 0 }).where('untold', '=', sql.lit(1)).execute()
  if (newId === null) return 0
  let owed = 0
  for (const { message } of messages)
    if (await inTurn(db, (tx) => oweFailure(tx, message, now, newId))) owed += 1
  return owed
}

async function oweFailure(
  tx: Tx,
  id: number,
  now: Date,
  newId: (sender: string) => string,
): Promise<boolean> {
  const told = await tx
    .updateTable('recipients')
    .set({ untold: 0 })
    .where('message', '=', id)
    .where('untold', '=', 1)
    .returning(['id', 'address', 'state', 'why', 'at'])
    .execute()
  // Another process was first.
  if (told.length === 0) return false
  const message = await tx.selectFrom('messages').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  const messageId = newId(message.sender)
  const concerned = told
    .sort((a, b) => a.id - b.id)
    .map(({ address, state, why, at }) => ({ address, state, why: decodeWhy(why), at }))
  await tx
    .insertInto('notices')
    .values({
      kind: 'failure',
      message: id,
      message_id: messageId,
      sender: message.sender,
      recipient: message.sender,
      original_message_id: message.message_id,
      detail: JSON.stringify(concerned),
      state: 'owed',
      attempts: 0,
      due_at: now.getTime(),
      created_at: now.getTime(),
    })
    .execute()
  await record(tx, {
    at: now,
    event: 'failure-owed',
    actor: message.actor,
    messageId,
    from: message.sender,
    address: message.sender,
    route: null,
    certificate: null,
    documents: fromJson(message.documents),
    patient: message.patient,
    outcome: 'owed',
    why: concerned.map(({ address, state, why }) => ({
      code: why[0]?.code ?? 'FAILED',
      text: `${address} is ${state}`,
    })),
  })
  return true
}

/** As a notice holds it. */
export function decodeConcerned(detail: string): readonly Concerned[] {
  const rows = fromJson<(Omit<Concerned, 'at'> & { readonly at: number })[]>(detail)
  return rows.map((row) => ({ ...row, at: new Date(row.at) }))
}
