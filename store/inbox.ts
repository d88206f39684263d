import type { Kysely } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { DirectError } from '../agent/errors.ts'
import { addBodies } from './bodies.ts'
import { deliveriesOf, openDeliveries, settleDelivery } from './deliveries.ts'
import {
  beginEntry,
  findEntry,
  leftBehind,
  replaceBody,
  settleEntry,
  unfinished,
  unsettled,
} from './entries.ts'
import { oweFailures } from './failures.ts'
import type {
  DeliveryOutcome,
  Inbox,
  InboxDelivery,
  InboxEntry,
  NewJudgement,
  NewNotice,
  Notice,
  NoticeId,
  Undecided,
  Unfinished,
} from './incoming-types.ts'
import { report, reportUndecided, writeJudgement } from './judgements.ts'
import { dueNotices, postpone } from './notices.ts'
import { MDNS_PER_HOUR } from './restraint.ts'
import type { Schema, Tx } from './schema.ts'
import type { StoreTurns } from './store-turns.ts'
import { inTurn } from './turn.ts'
import type { BodyId } from './types.ts'

/** MDNs that `noticesDue` returns when it is not told. */
const NOTICES = 100
/** Entries that `leftBehind` returns when it is not told. */
const LEFT_BEHIND = 1000

export class SqlInbox implements Inbox {
  readonly #db: Kysely<Schema>
  readonly #perHour: number
  readonly #now: () => Date
  readonly #turns: StoreTurns

  /** `perHour`: MDNs to one correspondent within an hour. `now`: what dates bodies. */
  constructor(
    db: Kysely<Schema>,
    turns: StoreTurns,
    { perHour = MDNS_PER_HOUR, now }: { readonly perHour: number | undefined; readonly now: () => Date },
  ) {
    this.#db = db
    this.#turns = turns
    this.#perHour = perHour
    this.#now = now
  }

  async unsettled(mailbox: string, uidValidity: string, uids: readonly number[]): Promise<number[]> {
    return await unsettled(this.#db, mailbox, uidValidity, uids)
  }

  async unfinished(mailbox: string, uidValidity: string): Promise<readonly Unfinished[]> {
    return await unfinished(this.#db, mailbox, uidValidity)
  }

  async find(mailbox: string, uidValidity: string, uid: number): Promise<InboxEntry | null> {
    return await findEntry(this.#db, mailbox, uidValidity, uid)
  }

  async begin(
    mailbox: string,
    uidValidity: string,
    uid: number,
    body: BodyId | Uint8Array | null,
  ): Promise<InboxEntry> {
    // Whoever loses this with the power finds the mail where it was, and begins anew.
    return await this.#turns.loose.take(async (tx) => {
      if (!(body instanceof Uint8Array)) return await beginEntry(tx, mailbox, uidValidity, uid, body)
      const [own = null] = await addBodies(tx, [body], this.#now())
      return await beginEntry(tx, mailbox, uidValidity, uid, own, true)
    })
  }

  async fetchedAgain(id: number, body: BodyId, at: Date): Promise<void> {
    await inTurn(this.#db, (tx) => replaceBody(tx, id, body, at))
  }

  async spared(id: number): Promise<void> {
    await inTurn(this.#db, async (tx) => {
      await tx
        .updateTable('inbox_entries')
        .set(({ eb }) => ({ attempts: eb('attempts', '-', 1) }))
        .where('id', '=', id)
        .where('attempts', '>', 0)
        .execute()
    })
  }

  async undetermined(id: number, message: Undecided, since: Date, lookedAt: Date): Promise<void> {
    await inTurn(this.#db, async (tx) => {
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
    return await this.#turns.lasting.take(async (tx) => {
      if (await writeJudgement(tx, id, judgement, at)) {
        await report(tx, judgement, at)
        return await openDeliveries(tx, id, judgement, notices, { at, perHour: this.#perHour })
      }
      if (!(await isThere(tx, id))) throw noEntry(id)
      return await deliveriesOf(tx, id)
    })
  }

  async deliveries(id: number): Promise<readonly InboxDelivery[]> {
    return await deliveriesOf(this.#db, id)
  }

  async settle(id: number, outcomes: readonly DeliveryOutcome[], at: Date): Promise<void> {
    await this.#turns.lasting.take(async (tx) => {
      for (const outcome of outcomes) await settleDelivery(tx, outcome, { at, perHour: this.#perHour })
      await settleEntry(tx, id, at)
    })
  }

  async noticesDue(now: Date, limit = NOTICES): Promise<readonly Notice[]> {
    return await dueNotices(this.#db, now, limit)
  }

  async oweFailures(now: Date, newId: ((sender: string) => string) | null, limit?: number): Promise<number> {
    return await oweFailures(this.#db, now, newId, limit)
  }

  async noticeTried(id: NoticeId, at: Date, retryAt: Date | null, why: readonly Reason[]): Promise<void> {
    await inTurn(this.#db, (tx) => postpone(tx, id, at, retryAt, why))
  }

  async leftBehind(
    mailbox: string,
    uidValidity: string,
    present: readonly number[],
    limit = LEFT_BEHIND,
  ): Promise<readonly InboxEntry[]> {
    return await leftBehind(this.#db, mailbox, uidValidity, present, limit)
  }
}

async function isThere(tx: Tx, id: number): Promise<boolean> {
  const entry = tx.selectFrom('inbox_entries').select('id').where('id', '=', id)
  return (await entry.executeTakeFirst()) !== undefined
}

function noEntry(id: number): DirectError {
  return new DirectError('STORE_FAILED', `the store has no inbox entry ${id}`)
}
