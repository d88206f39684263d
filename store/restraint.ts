import { record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import { momentOf } from './due.ts'
import { addressKey } from './encoding.ts'
import type { NewJudgement } from './incoming-types.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Tx } from './schema.ts'

/** How MDNs are owed: from when, and how many to one correspondent within an hour at most. */
export interface Owing {
  readonly at: Date
  readonly perHour: number
}

/** MDNs to one correspondent within an hour, when nothing is said. */
export const MDNS_PER_HOUR = 20_000

const HOUR_MS = 3_600_000
/** Of the thread that a message names, the latest: anybody can name thousands. */
const MOST_NAMED = 100

/**
 * N-2: what answers an MDN or a notice of ours is not answered, whatever it calls itself: two programs that answer each
 * other would never end. Audited for each recipient.
 */
export async function answersNotice(tx: Tx, judgement: NewJudgement, at: Date): Promise<boolean> {
  const named = (judgement.answers ?? []).slice(-MOST_NAMED)
  if (named.length === 0) return false
  const ours = await tx
    .selectFrom('notices')
    .select('message_id')
    .where('message_id', 'in', named)
    .executeTakeFirst()
  if (ours === undefined) return false
  for (const { address, verdict } of judgement.recipients)
    if (verdict === 'accept')
      await record(tx, {
        ...UNKNOWN_TO_RECEIVER,
        at,
        event: 'unanswered',
        messageId: judgement.messageId,
        from: judgement.from,
        address,
        certificate: judgement.signer,
        outcome: 'unanswered',
        why: [{ code: 'ANSWERS_NOTICE', text: `it answers ${ours.message_id}, a notification of ours` }],
      })
  return true
}

/** When an MDN to `to` may go: at once, or as soon as no more than so many go there within an hour. */
export async function dueAt(tx: Tx, to: string, { at, perHour }: Owing): Promise<Date> {
  const recipient = addressKey(to)
  const { recent } = await recentTo.executeTakeFirstOrThrow(tx, { recipient, since: at.getTime() - HOUR_MS })
  if (recent < perHour) return at
  const before = await tx
    .selectFrom('notices')
    .where('recipient', '=', recipient)
    // Of a clock that has been set back since: nobody waits until it is that late again.
    .where('created_at', '<=', momentOf(at).ahead)
    .select('due_at')
    .orderBy('due_at', 'desc')
    .offset(perHour - 1)
    .limit(1)
    .executeTakeFirst()
  return new Date(Math.max(at.getTime(), before === undefined ? 0 : before.due_at + HOUR_MS))
}

const recentTo = prepared((db, { recipient, since }: Bound<{ recipient: string; since: number }>) =>
  db
    .selectFrom('notices')
    .select(({ fn }) => fn.countAll<number>().as('recent'))
    .where('recipient', '=', recipient)
    .where('due_at', '>', since),
)
