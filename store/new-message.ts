import type { Insertable } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import { type AuditEvent, record } from './audit.ts'
import { addBodies, keep } from './bodies.ts'
import { addressKey, encodeAlgorithms, encodeWhy } from './encoding.ts'
import { asKey, asName } from './kept-text.ts'
import type { NewBody, NewCopy, NewMessage, OutboxCopy } from './outgoing-types.ts'
import { type Bound, prepared, preparedRows } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'
import type { BodyId, MessageAlgorithms } from './types.ts'

/** The message with its recipients, its copies and the wait for those who have none yet. Its copies, where they are held. */
export async function addMessage(tx: Tx, message: NewMessage): Promise<readonly OutboxCopy[]> {
  const { recordBody, copies } = message
  const all = copies.map(({ body }) => body)
  const bodies = await keepBodies(tx, recordBody === null ? all : [recordBody, ...all], message.at)
  const id = await addRow(tx, message, recordBody === null ? null : bodyOf(recordBody, bodies))
  await addRecipients(tx, id, message)
  // Due from the moment at which the message was made.
  const { messageId, kind, heldUntil = null } = message
  const ids = await addCopies(tx, id, copies, { bodies, dueAt: message.at, heldUntil })
  if (message.wait != null) {
    const { until, nextAt } = message.wait
    await tx
      .insertInto('waiting_messages')
      .values({ message: id, until: until.getTime(), asked: 1, next_at: nextAt.getTime(), held_until: null })
      .execute()
  }
  if (heldUntil === null) return []
  return copies.map(({ sealedBy: _, ...copy }, i) => ({
    ...copy,
    body: bodyOf(copy.body, bodies),
    ...(copy.body instanceof Uint8Array && { bytes: copy.body }),
    id: ids[i] as number,
    messageId,
    kind,
    recipients: copy.recipients.map(addressKey),
    pending: copy.recipients.map(addressKey),
    attempts: 0,
  }))
}

/** What names them is in the same transaction. Their ids. */
export async function keepBodies(
  tx: Tx,
  all: readonly NewBody[],
  at: Date,
): Promise<ReadonlyMap<NewBody, BodyId>> {
  const ids = new Map<NewBody, BodyId>()
  const fresh: Uint8Array[] = []
  for (const body of new Set(all)) {
    if (body instanceof Uint8Array) {
      fresh.push(body)
    } else {
      ids.set(body, body)
      await keep(tx, body)
    }
  }
  for (const [n, id] of (await addBodies(tx, fresh, at)).entries()) ids.set(fresh[n] as Uint8Array, id)
  return ids
}

function bodyOf(body: NewBody, bodies: ReadonlyMap<NewBody, BodyId>): BodyId {
  return bodies.get(body) as BodyId
}

async function addRow(tx: Tx, message: NewMessage, recordBody: BodyId | null): Promise<number> {
  const row = await insertMessage.executeTakeFirst(tx, {
    message_id: asName(message.messageId),
    kind: message.kind,
    sender: addressKey(message.from),
    at: message.at.getTime(),
    actor: message.actor,
    patient: message.patient,
    documents: JSON.stringify(message.documents),
    idempotency_key: message.idempotencyKey && asKey(message.idempotencyKey),
    record_body: recordBody,
    final_wanted: message.finalWanted ? 1 : 0,
  })
  if (row !== undefined) return row.id
  throw new DirectError(
    'IDEMPOTENCY_CONFLICT',
    `the idempotency key ${JSON.stringify(message.idempotencyKey)} already stands for another message`,
    { hint: 'Nothing was queued; `byIdempotencyKey` finds the first message.' },
  )
}

const insertMessage = prepared((db, row: Bound<Insertable<Schema['messages']>>) =>
  db
    .insertInto('messages')
    .values(row)
    .onConflict((conflict) => conflict.column('idempotency_key').doNothing())
    .returning('id'),
)

async function addRecipients(tx: Tx, id: number, message: NewMessage): Promise<void> {
  const rows: Insertable<Schema['recipients']>[] = []
  for (const recipient of message.recipients) {
    const { route, certificate, state, why } = recipient
    const address = addressKey(recipient.address)
    const algorithms = sealedBy(message.copies, address)
    rows.push({
      message: id,
      address,
      route,
      certificate,
      algorithms: encodeAlgorithms(algorithms),
      state,
      why: encodeWhy(why),
      at: message.at.getTime(),
      deadline: recipient.deadline?.getTime() ?? null,
    })
    await record(tx, {
      at: message.at,
      event: state === 'queued' ? queuedEvent(message.kind) : state,
      actor: message.actor,
      messageId: message.messageId,
      from: message.from,
      address,
      route,
      certificate,
      algorithms,
      documents: message.documents,
      patient: message.patient,
      outcome: state,
      why,
    })
  }
  await insertRecipients.execute(tx, rows)
}

const insertRecipients = preparedRows((db, rows: readonly Bound<Insertable<Schema['recipients']>>[]) =>
  db.insertInto('recipients').values(rows),
)

function queuedEvent(kind: NewMessage['kind']): AuditEvent {
  return kind === 'message' ? 'queued' : kind === 'failure' ? 'failure-queued' : 'mdn-queued'
}

/** By what the copy of one recipient was sealed. `address`: as `addressKey` has it. */
export function sealedBy(copies: readonly NewCopy[], address: string): MessageAlgorithms | null {
  const all = copies.flatMap((copy) => [...(copy.sealedBy ?? [])])
  return all.find(([recipient]) => addressKey(recipient) === address)?.[1] ?? null
}

/** Sealed bodies with their envelopes, for SMTP to be tried from `dueAt` on, or claimed by whoever adds them. Their ids. */
export async function addCopies(
  tx: Tx,
  message: number,
  copies: readonly NewCopy[],
  {
    bodies,
    dueAt,
    heldUntil = null,
  }: {
    readonly bodies: Awaited<ReturnType<typeof keepBodies>>
    readonly dueAt: Date
    readonly heldUntil?: Date | null
  },
): Promise<readonly number[]> {
  const ids: number[] = []
  const recipients: Schema['copy_recipients'][] = []
  for (const copy of copies) {
    const { id } = await insertCopy.executeTakeFirstOrThrow(tx, {
      message,
      route: copy.route,
      domain: copy.domain,
      mail_from: copy.mailFrom,
      body: bodyOf(copy.body, bodies),
      attempts: heldUntil === null ? 0 : 1,
      next_at: dueAt.getTime(),
      held_until: heldUntil?.getTime() ?? null,
    })
    ids.push(id)
    for (const [seq, address] of copy.recipients.entries())
      recipients.push({ copy: id, seq, address: addressKey(address), state: 'pending' })
  }
  await insertCopyRecipients.execute(tx, recipients)
  return ids
}

const insertCopy = prepared((db, row: Bound<Insertable<Schema['copies']>>) =>
  db.insertInto('copies').values(row).returning('id'),
)

const insertCopyRecipients = preparedRows((db, rows: readonly Bound<Schema['copy_recipients']>[]) =>
  db.insertInto('copy_recipients').values(rows),
)
