import type { Kysely } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { advance, TRACKED, type TrackedRecipient } from './advance.ts'
import { decodeWhy } from './encoding.ts'
import { auditExpiring, isUnheard } from './in-doubt.ts'
import type { ExpireOptions } from './outgoing-types.ts'
import type { Schema, Tx } from './schema.ts'
import { inTurn } from './turn.ts'

/** Recipients that expire in one transaction. */
const AT_ONCE = 100

/** N-7: recipients whose system has not answered in time. */
export async function expireDue(db: Kysely<Schema>, now: Date, options: ExpireOptions): Promise<number> {
  // Nearly always nobody's time is up: that is seen without a turn at writing.
  if (!(await isAnyoneDue(db, now, options))) return 0
  return await inTurn(db, async (tx) => {
    const latest = now.getTime() + options.limitMs
    await tx.updateTable('recipients').set({ deadline: latest }).where('deadline', '>', latest).execute()
    const due = await tx
      .selectFrom('recipients')
      .innerJoin('messages', 'messages.id', 'recipients.message')
      .selectAll('messages')
      .select(TRACKED)
      .select(['deadline', 'why'])
      .where('deadline', '<=', upTo(now, options))
      .$narrowType<{ deadline: number }>()
      .orderBy('deadline')
      .orderBy('recipients.id')
      .limit(options.limit ?? AT_ONCE)
      .execute()
    for (const row of due) {
      const why = isUnheard(row.why) ? await auditExpiring(tx, row, now) : decodeWhy(row.why)
      await advance(tx, row, 'expired', now, whyExpired({ ...row, why }, options.readUntil))
    }
    return due.length
  })
}

async function isAnyoneDue(db: Kysely<Schema> | Tx, now: Date, options: ExpireOptions): Promise<boolean> {
  const bound = (least: 'min' | 'max') =>
    db
      .selectFrom('recipients')
      .select(({ fn }) => fn[least]('deadline').as('deadline'))
      .where('deadline', 'is not', null)
      .executeTakeFirst()
  const [first, last] = [await bound('min'), await bound('max')]
  if (typeof first?.deadline !== 'number' || typeof last?.deadline !== 'number') return false
  return first.deadline <= upTo(now, options) || last.deadline > now.getTime() + options.limitMs
}

/** Deadlines until then have passed: every mailbox was read since, or nobody can be waited for any longer. */
function upTo(now: Date, { readUntil, graceMs }: ExpireOptions): number {
  const at = now.getTime()
  return Math.min(at, Math.max(readUntil?.getTime() ?? 0, at - graceMs))
}

function whyExpired(
  row: TrackedRecipient & { readonly deadline: number; readonly why: readonly Reason[] },
  readUntil: Date | null,
): readonly Reason[] {
  const until = new Date(row.deadline).toISOString()
  const unread =
    readUntil !== null && readUntil.getTime() >= row.deadline
      ? ''
      : `; not every mailbox could be read since ${readUntil?.toISOString() ?? 'this program was started'}, and an answer may lie there`
  if (row.state === 'queued') {
    const known = row.why.some(({ code }) => code === 'SMTP_IN_DOUBT')
      ? `whether a server had taken it over by ${until} is not known`
      : `no server had taken it over by ${until}`
    return [{ code: 'NOT_HANDED_OVER_IN_TIME', text: `${known}; it will not be sent any more` }, ...row.why]
  }
  if (row.state === 'processed')
    return [
      {
        code: 'NO_DISPATCHED_IN_TIME',
        text: `${row.address}'s system received it, and did not confirm by ${until} that it was delivered to its destination${unread}`,
      },
    ]
  return [
    {
      code: 'NO_PROCESSED_IN_TIME',
      text: `${row.address}'s system did not confirm by ${until} that it received it${unread}`,
    },
  ]
}
