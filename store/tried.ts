import type { Reason } from '../agent/errors.ts'
import { advance, explain, recipientsOf, recordOf } from './advance.ts'
import { addressKey } from './encoding.ts'
import { doubtOf } from './in-doubt.ts'
import { settleNotice } from './notices.ts'
import type { TriedRecipient } from './outgoing-types.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Tx } from './schema.ts'

/** A try of a copy that has come to its end. */
interface Tried {
  readonly outcomes: readonly TriedRecipient[]
  readonly at: Date
  /** Null: whoever is left has failed. */
  readonly retryAt: Date | null
  /** The how-manieth it was. Undefined: that is not known. */
  readonly attempt: number | undefined
}

/**
 * What came of handing a copy to SMTP. What a server said stands; when another process has begun the next try, as this one
 * was stopped for longer than its hold, what is left is that one's.
 */
export async function settleTried(
  tx: Tx,
  copy: number,
  { outcomes, at, retryAt, attempt }: Tried,
): Promise<void> {
  const said = new Map(outcomes.map((outcome) => [addressKey(outcome.address), outcome]))
  const recipients = await triedOf.execute(tx, { copy })
  const isTakenOver = attempt !== undefined && recipients.some(({ attempts }) => attempts !== attempt)
  let left = 0
  for (const { pending, attempts: _, why, ...recipient } of recipients) {
    const decided = decide(said.get(recipient.address), retryAt === null && !isTakenOver, doubtOf(why))
    if (pending !== 'pending') {
      // Settled meanwhile, by an answer or by its deadline: what SMTP says now is for the audit.
      if (said.has(recipient.address) && decided.outcome !== null)
        await advance(tx, recipient, decided.outcome, at, decided.why)
      continue
    }
    if (decided.outcome === null) {
      left += 1
      await explain(tx, recipient, decided.why)
      // A repeated attempt is no news; that a server may have the message is.
      if (recipient.kind === 'message' && said.get(recipient.address)?.outcome === 'unknown')
        await recordOf(tx, recipient, 'in-doubt', at, decided.why)
      continue
    }
    await decideRecipient.execute(tx, {
      copy,
      address: recipient.address,
      state: decided.outcome === 'accepted' ? 'accepted' : 'failed',
    })
    await advance(tx, recipient, decided.outcome, at, decided.why)
    if (recipient.kind !== 'message')
      await settleNotice(tx, recipient.message_id, decided.outcome === 'accepted')
  }
  if (isTakenOver) return
  await release.execute(tx, {
    copy,
    nextAt: left === 0 || retryAt === null ? null : retryAt.getTime(),
  })
}

const decideRecipient = prepared(
  (db, { copy, address, state }: Bound<{ copy: number; address: string; state: 'accepted' | 'failed' }>) =>
    db.updateTable('copy_recipients').set({ state }).where('copy', '=', copy).where('address', '=', address),
)

const release = prepared((db, { copy, nextAt }: Bound<{ copy: number; nextAt: number | null }>) =>
  db.updateTable('copies').set({ held_until: null, next_at: nextAt }).where('id', '=', copy),
)

/**
 * What SMTP's word means for a recipient; `outcome` null: to be tried again. `doubt`: that a server may have it since an
 * earlier try, of which a later one that comes to nothing says nothing.
 */
function decide(
  said: TriedRecipient | undefined,
  giveUp: boolean,
  doubt: readonly Reason[],
): { outcome: 'accepted' | 'undeliverable' | null; why: readonly Reason[] } {
  const reply = said?.reply ?? 'no answer for this recipient'
  const text =
    said?.outcome === 'unknown' ? `the server may have taken it, as its answer was lost: ${reply}` : reply
  if (said?.outcome === 'accepted') return { outcome: 'accepted', why: [{ code: 'SMTP_ACCEPTED', text }] }
  if (said?.outcome === 'final') return { outcome: 'undeliverable', why: [{ code: 'SMTP_REFUSED', text }] }
  if (said?.outcome === 'damaged') return { outcome: 'undeliverable', why: [{ code: 'STORE_DAMAGED', text }] }
  if (giveUp) return { outcome: 'undeliverable', why: [{ code: 'SMTP_GIVEN_UP', text }, ...doubt] }
  if (said?.outcome === 'unknown') return { outcome: null, why: [{ code: 'SMTP_IN_DOUBT', text }] }
  return { outcome: null, why: [{ code: 'SMTP_TEMPORARY', text }, ...doubt] }
}

/** Those of a copy, as `advance` wants them; `pending` is no more who was accepted, refused for good or settled otherwise. */
const triedOf = prepared((db, { copy }: Bound<{ copy: number }>) =>
  recipientsOf(db, copy).select(['copy_recipients.state as pending', 'attempts', 'why']),
)
