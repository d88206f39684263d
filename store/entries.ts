import type { Kysely, Selectable } from 'kysely'
import { record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import { keep, leave } from './bodies.ts'
import { decodeWhy, fromJson } from './encoding.ts'
import type { InboxEntry, Unfinished } from './incoming-types.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'
import { synced } from './synced.ts'
import type { BodyId } from './types.ts'

/** Which of `uids` are not settled yet, ascending. */
export async function unsettled(
  db: Kysely<Schema>,
  mailbox: string,
  uidValidity: string,
  uids: readonly number[],
): Promise<number[]> {
  const ascending = [...uids].sort((a, b) => a - b)
  const rows = await db
    .selectFrom('inbox_entries')
    .select('uid')
    .where('mailbox', '=', mailbox)
    .where('uid_validity', '=', uidValidity)
    .where('uid', '>=', ascending[0] ?? 0)
    .where('uid', '<=', ascending.at(-1) ?? 0)
    .where('state', '=', 'settled')
    .execute()
  // Whoever hears of it flags it in its folder, where nothing takes that back.
  if (rows.length > 0) await synced(db)
  const settled = new Set(rows.map(({ uid }) => uid))
  return ascending.filter((uid) => !settled.has(uid))
}

/** What was begun in a folder and is not settled. */
export async function unfinished(
  db: Kysely<Schema>,
  mailbox: string,
  uidValidity: string,
): Promise<readonly Unfinished[]> {
  const open = (await openEntries(db, mailbox)).filter((row) => row.uid_validity === uidValidity)
  const untaken = open.some(({ state }) => state === 'judged') ? await untakenEntries(db) : null
  return open.map(({ id, uid, state, attempts, looked_at, verdict }) => ({
    id,
    uid,
    state,
    attempts,
    undetermined: looked_at !== null,
    untaken: state === 'judged' && verdict === 'accept' ? (untaken?.get(id) ?? 'none') : null,
  }))
}

/** Judged entries with deliveries that nobody has taken yet. */
async function untakenEntries(db: Kysely<Schema>): Promise<ReadonlyMap<number, 'timed' | 'waiting'>> {
  const rows = await db
    .selectFrom('inbox_entries')
    .innerJoin('entry_deliveries', 'entry_deliveries.entry', 'inbox_entries.id')
    .innerJoin('inbox_deliveries', 'inbox_deliveries.id', 'entry_deliveries.delivery')
    .select(['inbox_entries.id', 'inbox_deliveries.next_at'])
    .where('inbox_entries.state', '=', 'judged')
    .where('inbox_deliveries.state', '=', 'pending')
    .execute()
  const untaken = new Map<number, 'timed' | 'waiting'>()
  for (const { id, next_at } of rows)
    untaken.set(id, next_at === null || untaken.get(id) === 'waiting' ? 'waiting' : 'timed')
  return untaken
}

export async function findEntry(
  db: Kysely<Schema>,
  mailbox: string,
  uidValidity: string,
  uid: number,
): Promise<InboxEntry | null> {
  const row = await db
    .selectFrom('inbox_entries')
    .selectAll()
    .where('mailbox', '=', mailbox)
    .where('uid_validity', '=', uidValidity)
    .where('uid', '=', uid)
    .executeTakeFirst()
  return row === undefined ? null : inboxEntry(row)
}

/** A row for it if there is none, with its body if it names none yet, and one more attempt. `isKept`: as `addBodies` has it. */
export async function beginEntry(
  tx: Tx,
  mailbox: string,
  uidValidity: string,
  uid: number,
  body: BodyId | null,
  isKept = false,
): Promise<InboxEntry> {
  const row = await beginRow.executeTakeFirstOrThrow(tx, {
    mailbox,
    uid_validity: uidValidity,
    uid,
    state: body === null ? 'new' : 'stored',
    body,
  })
  if (isKept && body !== null && row.body !== body) await leave(tx, body)
  else if (!isKept && row.body !== null) await keep(tx, row.body)
  return inboxEntry(row)
}

type Begun = Pick<Selectable<Schema['inbox_entries']>, 'mailbox' | 'uid_validity' | 'uid' | 'state' | 'body'>

const beginRow = prepared((db, row: Bound<Begun>) =>
  db
    .insertInto('inbox_entries')
    .values({ ...row, attempts: 1, why: '[]', recipients: '[]' })
    .onConflict((conflict) =>
      conflict.columns(['mailbox', 'uid_validity', 'uid']).doUpdateSet(({ eb, ref }) => {
        const isNew = eb('inbox_entries.state', '=', 'new')
        const isOpen = eb('inbox_entries.state', 'in', ['new', 'stored'])
        const attempts = ref('inbox_entries.attempts')
        return {
          attempts: eb
            .case()
            .when(isOpen)
            .then(eb(attempts, '+', 1))
            .else(attempts)
            .end(),
          body: eb.case().when(isNew).then(ref('excluded.body')).else(ref('inbox_entries.body')).end(),
          state: eb.case().when(isNew).then(ref('excluded.state')).else(ref('inbox_entries.state')).end(),
        }
      }),
    )
    .returningAll(),
)

/** What the entry named before is looked at by the next sweep. */
export async function replaceBody(tx: Tx, id: number, body: BodyId, at: Date): Promise<void> {
  const entry = await tx
    .selectFrom('inbox_entries')
    .select(['mailbox', 'uid', 'body', 'message_id', 'sender', 'signer'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  await tx.updateTable('inbox_entries').set({ body }).where('id', '=', id).execute()
  await keep(tx, body)
  if (entry.body !== null) await leave(tx, entry.body)
  const { message_id: messageId, sender: from, signer: certificate } = entry
  const text = `what was stored of mail ${entry.uid} of ${entry.mailbox} was damaged; it was fetched again`
  await record(tx, {
    ...UNKNOWN_TO_RECEIVER,
    at,
    event: 'fetched-again',
    messageId,
    from,
    address: null,
    certificate,
    outcome: 'fetched-again',
    why: [{ code: 'STORE_DAMAGED', text }],
  })
}

/** Nothing more is done about it. It stays settled when it first was. */
export async function settleEntry(tx: Tx, id: number, at: Date): Promise<void> {
  await settle.execute(tx, { id, at: at.getTime() })
}

const settle = prepared((db, { id, at }: Bound<{ id: number; at: number }>) =>
  db
    .updateTable('inbox_entries')
    .set({ state: 'settled', settled_at: at })
    .where('id', '=', id)
    .where('state', '!=', 'settled'),
)

/** Entries that were begun and are not in the folder any more. */
export async function leftBehind(
  db: Kysely<Schema>,
  mailbox: string,
  uidValidity: string,
  present: readonly number[],
  limit: number,
): Promise<readonly InboxEntry[]> {
  const here = new Set(present)
  const open = await openEntries(db, mailbox)
  const left = open
    .filter(({ state }) => state !== 'new')
    .filter((row) => row.uid_validity !== uidValidity || !here.has(row.uid))
    .slice(0, limit)
  const entries: InboxEntry[] = []
  for (const { id } of left) entries.push(await entryOf(db, id))
  return entries
}

export async function entryOf(db: Kysely<Schema>, id: number): Promise<InboxEntry> {
  return inboxEntry(await rowOf.executeTakeFirstOrThrow(db, { id }))
}

const rowOf = prepared((db, { id }: Bound<{ id: number }>) =>
  db.selectFrom('inbox_entries').selectAll().where('id', '=', id),
)

/** By the state alone: few are not settled, while a mailbox's own entries are all that it ever held. */
async function openEntries(db: Kysely<Schema>, mailbox: string) {
  const open = await db
    .selectFrom('inbox_entries')
    .select(['id', 'mailbox', 'uid_validity', 'uid', 'state', 'attempts', 'looked_at', 'verdict'])
    .where('state', 'in', ['new', 'stored', 'judged'])
    .execute()
  return open
    .filter((row) => row.mailbox === mailbox)
    .sort((a, b) => (a.looked_at ?? 0) - (b.looked_at ?? 0) || a.id - b.id)
}

function inboxEntry(row: Selectable<Schema['inbox_entries']>): InboxEntry {
  return {
    id: row.id,
    mailbox: row.mailbox,
    uidValidity: row.uid_validity,
    uid: row.uid,
    state: row.state,
    body: row.body,
    attempts: row.attempts,
    judgedAt: row.judged_at === null ? null : new Date(row.judged_at),
    undetermined:
      row.undetermined_since === null || row.looked_at === null
        ? null
        : { since: new Date(row.undetermined_since), lookedAt: new Date(row.looked_at) },
    judgement:
      row.verdict === null
        ? null
        : {
            verdict: row.verdict,
            code: row.code,
            messageId: row.message_id,
            from: row.sender,
            signer: row.signer,
            innerSha256: row.inner_sha256,
            why: decodeWhy(row.why),
            recipients: fromJson(row.recipients),
          },
  }
}
