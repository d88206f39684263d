import type { Kysely } from 'kysely'
import { advance, explain, recordOf, setDeadline, TRACKED, type TrackedRecipient } from './advance.ts'
import { hasCome, isFree, momentOf } from './due.ts'
import { addressKey, encodeAlgorithms } from './encoding.ts'
import { addCopies, keepBodies, sealedBy } from './new-message.ts'
import type { Schema, Tx } from './schema.ts'
import { inTurn } from './turn.ts'
import type { Asked, Waiting, WaitingMessage } from './waiting-types.ts'

export class SqlWaiting implements Waiting {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async claim(now: Date, until: Date): Promise<WaitingMessage | null> {
    return await inTurn(this.#db, async (tx) => {
      const row = await tx
        .selectFrom('waiting_messages')
        .innerJoin('messages', 'messages.id', 'waiting_messages.message')
        .select(['messages.id', 'message_id', 'sender', 'at', 'record_body', 'until', 'asked'])
        .where('record_body', 'is not', null)
        .$narrowType<{ record_body: number }>()
        .where(hasCome('next_at', momentOf(now)))
        .where(isFree(momentOf(now)))
        .orderBy('next_at')
        .orderBy('message')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined) return null
      await tx
        .updateTable('waiting_messages')
        .set({ held_until: until.getTime() })
        .where('message', '=', row.id)
        .execute()
      const recipients = await tx
        .selectFrom('recipients')
        .select(['address', 'route'])
        .where('message', '=', row.id)
        .orderBy('id')
        .execute()
      return {
        id: row.id,
        messageId: row.message_id,
        from: row.sender,
        since: new Date(row.at),
        until: new Date(row.until),
        asked: row.asked,
        recordBody: row.record_body,
        waiting: recipients.filter(({ route }) => route === 'undetermined').map(({ address }) => address),
        recipients,
      }
    })
  }

  async hold(message: number, until: Date): Promise<void> {
    await this.#db
      .updateTable('waiting_messages')
      .set({ held_until: until.getTime() })
      .where('message', '=', message)
      .where('held_until', 'is not', null)
      .execute()
  }

  async release(message: number): Promise<void> {
    await this.#db
      .updateTable('waiting_messages')
      .set({ held_until: null })
      .where('message', '=', message)
      .execute()
  }

  async asked(
    message: number,
    { reached, copies, refused, unknown, again }: Asked,
    at: Date,
  ): Promise<boolean> {
    return await inTurn(this.#db, async (tx) => {
      const waiting = new Map((await waitingRecipients(tx, message)).map((who) => [who.address, who]))
      const all = [...reached, ...refused, ...unknown]
      // A hold that lapsed let another process in: what it decided stands, and nothing goes twice.
      if (waiting.size === 0 || all.some(({ address }) => !waiting.has(addressKey(address)))) return false
      const algorithmsFor = (address: string) => encodeAlgorithms(sealedBy(copies, addressKey(address)))
      const who = (address: string) => waiting.get(addressKey(address)) as TrackedRecipient
      for (const { address, route, certificate, deadline = null } of reached) {
        await queue(tx, { ...who(address), route, certificate, algorithms: algorithmsFor(address) }, at)
        await setDeadline(tx, who(address).recipient, deadline)
      }
      // Due since the message was made: whoever comes first may take them.
      const since = Math.min(at.getTime(), ...[...waiting.values()].map((recipient) => recipient.at))
      const bodies = copies.map(({ body }) => body)
      await addCopies(tx, message, copies, {
        bodies: await keepBodies(tx, bodies, at),
        dueAt: new Date(since),
      })
      for (const { address, why } of refused) {
        await setRoute(tx, who(address).recipient, { route: 'insecure', certificate: null, algorithms: null })
        await advance(tx, { ...who(address), route: 'insecure' }, 'undeliverable', at, why)
      }
      for (const { address, why } of unknown)
        if (again === null) await advance(tx, who(address), 'undeliverable', at, why)
        else await explain(tx, who(address), why)
      await askAgain(tx, message, unknown.length === 0 ? null : again)
      return true
    })
  }
}

/** Those of a message whose route is not known, as `advance` wants them; nobody once the wait has ended. */
async function waitingRecipients(tx: Tx, message: number): Promise<TrackedRecipient[]> {
  return await tx
    .selectFrom('waiting_messages')
    .innerJoin('messages', 'messages.id', 'waiting_messages.message')
    .innerJoin('recipients', 'recipients.message', 'messages.id')
    .selectAll('messages')
    .select(TRACKED)
    .where('messages.id', '=', message)
    .where('route', '=', 'undetermined')
    .execute()
}

/** A copy carries it from now on, by the route and with the certificate that the audit tells. */
async function queue(
  tx: Tx,
  who: TrackedRecipient & { readonly route: 'direct' | 'tls' },
  at: Date,
): Promise<void> {
  await setRoute(tx, who.recipient, who)
  await explain(tx, who, [])
  await recordOf(tx, who, 'queued', at, [])
}

async function setRoute(
  tx: Tx,
  recipient: number,
  {
    route,
    certificate,
    algorithms,
  }: {
    readonly route: 'direct' | 'tls' | 'insecure'
    readonly certificate: string | null
    readonly algorithms: string | null
  },
): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ route, certificate, algorithms })
    .where('id', '=', recipient)
    .execute()
}

async function askAgain(tx: Tx, message: number, again: Date | null): Promise<void> {
  if (again === null) await tx.deleteFrom('waiting_messages').where('message', '=', message).execute()
  else
    await tx
      .updateTable('waiting_messages')
      .set(({ eb }) => ({ asked: eb('asked', '+', 1), next_at: again.getTime(), held_until: null }))
      .where('message', '=', message)
      .execute()
}
