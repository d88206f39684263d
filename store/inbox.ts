import type { Kysely, Selectable } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { DirectError } from '../agent/errors.ts'
import { announce } from './advance.ts'
import { record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import { keep } from './bodies.ts'
import { deliveriesOf, openDeliveries, settleDelivery } from './deliveries.ts'
import { oweFailures } from './failures.ts'
import type {
  DeliveryOutcome,
  Inbox,
  InboxDelivery,
  InboxEntry,
  Judgement,
  NewJudgement,
  NewNotice,
  Notice,
  NoticeId,
  Undecided,
  Unfinished,
} from './incoming-types.ts'
import { dueNotices, postpone } from './notices.ts'
import { decodeWhy, encodeWhy, type Schema, type Tx } from './schema.ts'
import type { BodyId } from './types.ts'

/** MDNs to one correspondent within an hour, when nothing is said. */
const PER_HOUR = 20_000
/** MDNs that `noticesDue` returns when it is not told. */
const NOTICES = 100
/** Entries that `leftBehind` returns when it is not told. */
const LEFT_BEHIND = 1000

export class SqlInbox implements Inbox {
  readonly #db: Kysely<Schema>
  readonly #perHour: number

  /** `perHour`: MDNs to one correspondent within an hour. */
  constructor(db: Kysely<Schema>, perHour = PER_HOUR) {
    this.#db = db
    this.#perHour = perHour
  }

  async unsettled(mailbox: string, uidValidity: string, uids: readonly number[]): Promise<number[]> {
    const ascending = [...uids].sort((a, b) => a - b)
    const rows = await this.#db
      .selectFrom('inbox_entries')
      .select('uid')
      .where('mailbox', '=', mailbox)
      .where('uid_validity', '=', uidValidity)
      .where('uid', '>=', ascending[0] ?? 0)
      .where('uid', '<=', ascending.at(-1) ?? 0)
      .where('state', '=', 'settled')
      .execute()
    const settled = new Set(rows.map(({ uid }) => uid))
    return ascending.filter((uid) => !settled.has(uid))
  }

  async unfinished(mailbox: string, uidValidity: string): Promise<readonly Unfinished[]> {
    const open = await this.#open(mailbox)
    return open
      .filter((row) => row.uid_validity === uidValidity)
      .map(({ uid, state, attempts, looked_at }) => ({
        uid,
        state,
        attempts,
        undetermined: looked_at !== null,
      }))
  }

  async find(mailbox: string, uidValidity: string, uid: number): Promise<InboxEntry | null> {
    const row = await this.#db
      .selectFrom('inbox_entries')
      .selectAll()
      .where('mailbox', '=', mailbox)
      .where('uid_validity', '=', uidValidity)
      .where('uid', '=', uid)
      .executeTakeFirst()
    return row === undefined ? null : inboxEntry(row)
  }

  async begin(mailbox: string, uidValidity: string, uid: number, body: BodyId | null): Promise<InboxEntry> {
    const row = await this.#db.transaction().execute(async (tx) => {
      const row = await tx
        .insertInto('inbox_entries')
        .values({
          mailbox,
          uid_validity: uidValidity,
          uid,
          state: body === null ? 'new' : 'stored',
          body,
          attempts: 1,
          why: '[]',
          recipients: '[]',
        })
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
        .returningAll()
        .executeTakeFirstOrThrow()
      if (row.body !== null) await keep(tx, row.body)
      return row
    })
    return inboxEntry(row)
  }

  async spared(id: number): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await tx
        .updateTable('inbox_entries')
        .set(({ eb }) => ({ attempts: eb('attempts', '-', 1) }))
        .where('id', '=', id)
        .where('attempts', '>', 0)
        .execute()
    })
  }

  async undetermined(id: number, message: Undecided, since: Date, lookedAt: Date): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      const entry = await tx
        .selectFrom('inbox_entries')
        .select('undetermined_since')
        .where('id', '=', id)
        .executeTakeFirst()
      if (entry === undefined) throw noEntry(id)
      if (entry.undetermined_since === null) await reportUndecided(tx, message, lookedAt)
      await tx
        .updateTable('inbox_entries')
        .set({ undetermined_since: since.getTime(), looked_at: lookedAt.getTime(), attempts: 0 })
        .where('id', '=', id)
        .execute()
    })
  }

  async judged(
    id: number,
    judgement: NewJudgement,
    notices: readonly NewNotice[],
    at: Date,
  ): Promise<readonly InboxDelivery[]> {
    return await this.#db.transaction().execute(async (tx) => {
      const entry = await tx
        .selectFrom('inbox_entries')
        .select('state')
        .where('id', '=', id)
        .executeTakeFirst()
      if (entry === undefined) throw noEntry(id)
      // The first verdict stands: another process, or this one before a stop, has acted on it.
      if (entry.state === 'judged' || entry.state === 'settled') return await deliveriesOf(tx, id)
      await writeJudgement(tx, id, judgement, at)
      await report(tx, judgement, at)
      await openDeliveries(tx, id, judgement, notices, { at, perHour: this.#perHour })
      return await deliveriesOf(tx, id)
    })
  }

  async deliveries(id: number): Promise<readonly InboxDelivery[]> {
    return await deliveriesOf(this.#db, id)
  }

  async settle(id: number, outcomes: readonly DeliveryOutcome[], at: Date): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      for (const outcome of outcomes) await settleDelivery(tx, outcome, { at, perHour: this.#perHour })
      await tx
        .updateTable('inbox_entries')
        .set({ state: 'settled', settled_at: at.getTime() })
        .where('id', '=', id)
        .where('state', '!=', 'settled')
        .execute()
    })
  }

  async noticesDue(now: Date, limit = NOTICES): Promise<readonly Notice[]> {
    return await dueNotices(this.#db, now, limit)
  }

  async oweFailures(now: Date, newId: ((sender: string) => string) | null, limit?: number): Promise<number> {
    return await oweFailures(this.#db, now, newId, limit)
  }

  async noticeTried(id: NoticeId, at: Date, retryAt: Date | null, why: readonly Reason[]): Promise<void> {
    await this.#db.transaction().execute((tx) => postpone(tx, id, at, retryAt, why))
  }

  async leftBehind(
    mailbox: string,
    uidValidity: string,
    present: readonly number[],
    limit = LEFT_BEHIND,
  ): Promise<readonly InboxEntry[]> {
    const here = new Set(present)
    const open = await this.#open(mailbox)
    const left = open
      .filter(({ state }) => state !== 'new')
      .filter((row) => row.uid_validity !== uidValidity || !here.has(row.uid))
      .slice(0, limit)
    const entries: InboxEntry[] = []
    for (const { id } of left) {
      const row = await this.#db
        .selectFrom('inbox_entries')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      entries.push(inboxEntry(row))
    }
    return entries
  }

  /** By the state alone: few are not settled, while a mailbox's own entries are all that it ever held. */
  async #open(mailbox: string) {
    const open = await this.#db
      .selectFrom('inbox_entries')
      .select(['id', 'mailbox', 'uid_validity', 'uid', 'state', 'attempts', 'looked_at'])
      .where('state', 'in', ['new', 'stored', 'judged'])
      .execute()
    return open
      .filter((row) => row.mailbox === mailbox)
      .sort((a, b) => (a.looked_at ?? 0) - (b.looked_at ?? 0) || a.id - b.id)
  }
}

async function writeJudgement(tx: Tx, id: number, judgement: Judgement, at: Date): Promise<void> {
  await tx
    .updateTable('inbox_entries')
    .set({
      state: judgement.verdict === 'notification' ? 'settled' : 'judged',
      judged_at: at.getTime(),
      settled_at: judgement.verdict === 'notification' ? at.getTime() : null,
      verdict: judgement.verdict,
      code: judgement.code,
      message_id: judgement.messageId,
      sender: judgement.from,
      signer: judgement.signer,
      inner_sha256: judgement.innerSha256,
      why: encodeWhy(judgement.why),
      recipients: JSON.stringify(
        judgement.recipients.map(({ address, verdict, code }) => ({ address, verdict, code })),
      ),
    })
    .where('id', '=', id)
    .execute()
}

/** One audit row per recipient (one at least), and an event for each refusal, which nobody outside hears of (IN-9). */
async function report(tx: Tx, judgement: NewJudgement, at: Date): Promise<void> {
  const whom =
    judgement.recipients.length > 0
      ? judgement.recipients
      : [{ address: null, verdict: judgement.verdict, code: judgement.code }]
  for (const { address, verdict, code } of whom) {
    const refused = verdict === 'reject'
    const why =
      judgement.why.length === 0 && code !== null
        ? [{ code, text: 'refused for this recipient' }]
        : judgement.why
    await record(tx, {
      ...UNKNOWN_TO_RECEIVER,
      at,
      event: 'received',
      messageId: judgement.messageId,
      from: judgement.from,
      address,
      certificate: judgement.signer,
      algorithms: judgement.algorithms ?? null,
      outcome: refused ? 'refused' : judgement.verdict === 'notification' ? 'notification' : 'accepted',
      why,
    })
    if (refused) await announce(tx, 'rejected', judgement.messageId, address, at, why)
  }
}

/** One audit row per recipient, one at least, when a message begins to wait. */
async function reportUndecided(tx: Tx, message: Undecided, at: Date): Promise<void> {
  const { messageId, from, signer, algorithms = null, why, recipients } = message
  for (const address of recipients.length > 0 ? recipients : [null])
    await record(tx, {
      ...UNKNOWN_TO_RECEIVER,
      at,
      event: 'undetermined',
      messageId,
      from,
      address,
      certificate: signer,
      algorithms,
      outcome: 'undetermined',
      why,
    })
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
            recipients: JSON.parse(row.recipients) as Judgement['recipients'],
          },
  }
}

function noEntry(id: number): DirectError {
  return new DirectError('STORE_FAILED', `the store has no inbox entry ${id}`)
}
