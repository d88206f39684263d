import type { Selectable } from 'kysely'
import { announce } from './advance.ts'
import { record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import { encodeWhy } from './encoding.ts'
import type { Judgement, NewJudgement, Undecided } from './incoming-types.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'

/**
 * The verdict as its entry of the ledger keeps it; a notification is settled by it. False where it has one, which stands:
 * another process, or this one before a stop, has acted on it.
 */
export async function writeJudgement(tx: Tx, id: number, judgement: Judgement, at: Date): Promise<boolean> {
  const judged = await judgeEntry.executeTakeFirst(tx, {
    entry: id,
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
  return judged !== undefined
}

type Written =
  | 'state'
  | 'judged_at'
  | 'settled_at'
  | 'verdict'
  | 'code'
  | 'message_id'
  | 'sender'
  | 'signer'
  | 'inner_sha256'
  | 'why'
  | 'recipients'

const judgeEntry = prepared(
  (
    db,
    { entry, ...written }: Bound<{ entry: number } & Pick<Selectable<Schema['inbox_entries']>, Written>>,
  ) =>
    db
      .updateTable('inbox_entries')
      .set(written)
      .where('id', '=', entry)
      .where('state', 'in', ['new', 'stored'])
      .returning('id'),
)

/** One audit row per recipient (one at least), and an event for each refusal, which nobody outside hears of (IN-9). */
export async function report(tx: Tx, judgement: NewJudgement, at: Date): Promise<void> {
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
export async function reportUndecided(tx: Tx, message: Undecided, at: Date): Promise<void> {
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
