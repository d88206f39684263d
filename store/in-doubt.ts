import type { Reason } from '../agent/errors.ts'
import { explain, recipientsOf, recordOf, type TrackedRecipient } from './advance.ts'
import { isFree, momentOf } from './due.ts'
import { addressKey, decodeWhy, encodeWhy } from './encoding.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Tx } from './schema.ts'

/** Of a recipient whose server has all of the message but the dot, until it is known what came of it. */
const UNHEARD = encodeWhy([
  {
    code: 'SMTP_IN_DOUBT',
    text: 'the server may have taken it: all of it was handed over, and no answer is known yet',
  },
])

const LOST: readonly Reason[] = [
  {
    code: 'SMTP_IN_DOUBT',
    text: 'the server may have taken it, as its answer was lost: the process that handed it over was ended',
  },
]

/** From now on a server may have the message for these recipients of a copy. A doubt that stands already stays. */
export async function markUnheard(tx: Tx, copy: number, to: readonly string[]): Promise<void> {
  for (const address of to) await mark.execute(tx, { copy, address: addressKey(address) })
}

const mark = prepared((db, { copy, address }: Bound<{ copy: number; address: string }>) =>
  db
    .updateTable('recipients')
    .set({ why: UNHEARD })
    .where('message', '=', db.selectFrom('copies').select('copies.message').where('copies.id', '=', copy))
    .where('address', '=', address)
    .where('state', '=', 'queued')
    // In JSON, where the quotes of a server's own words are escaped.
    .where('why', 'not like', '%{"code":"SMTP_IN_DOUBT"%'),
)

/** Whether this is `why` of a recipient whose try has come to no end. */
export function isUnheard(why: string): boolean {
  return why === UNHEARD
}

/** The doubt that an earlier try has left. That of the try which has just ended is none: it has its answer. */
export function doubtOf(why: string): readonly Reason[] {
  return isUnheard(why) ? [] : decodeWhy(why).filter(({ code }) => code === 'SMTP_IN_DOUBT')
}

/** Of a copy that another process was at, and that is held by the next: an answer that nobody heard was lost. */
export async function auditLost(tx: Tx, copy: number, at: Date): Promise<void> {
  for (const who of await unheardOf.execute(tx, { copy })) {
    await explain(tx, who, LOST)
    await recordOf(tx, who, 'in-doubt', at, LOST)
  }
}

const unheardOf = prepared((db, { copy }: Bound<{ copy: number }>) =>
  recipientsOf(db, copy)
    .where('copy_recipients.state', '=', 'pending')
    .where('recipients.state', '=', 'queued')
    .where('why', '=', UNHEARD),
)

/**
 * Of one whose time is up before anybody has taken its copy over. While the hold lasts somebody may still be at it, and hear
 * the answer. Why it may have arrived.
 */
export async function auditExpiring(tx: Tx, who: TrackedRecipient, at: Date): Promise<readonly Reason[]> {
  const held = await tx
    .selectFrom('copies')
    .innerJoin('copy_recipients', 'copy_recipients.copy', 'copies.id')
    .select('copies.id')
    .where('message', '=', who.id)
    .where('address', '=', who.address)
    .where('copy_recipients.state', '=', 'pending')
    .where(({ not }) => not(isFree(momentOf(at))))
    .executeTakeFirst()
  if (held !== undefined) return decodeWhy(UNHEARD)
  await recordOf(tx, who, 'in-doubt', at, LOST)
  return LOST
}
