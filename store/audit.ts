import { append } from './audit-chain.ts'
import { addressKey, encodeAlgorithms, encodeWhy } from './encoding.ts'
import { asName, asReadAgain } from './kept-text.ts'
import type { Tx } from './schema.ts'
import type { NewAuditRow } from './types.ts'

/** What the store itself writes into `event`; callers of `add` may use other words. */
export type AuditEvent =
  | 'queued'
  | 'refused'
  | 'sent'
  | 'in-doubt'
  | 'failed'
  | 'processed'
  | 'dispatched'
  | 'expired'
  | 'undetermined'
  | 'received'
  | 'fetched-again'
  | 'delivered'
  | 'rejected'
  | 'delivery-put-off'
  | 'mdn-queued'
  | 'mdn-sent'
  | 'mdn-given-up'
  | 'mdn-put-off'
  | 'unanswered'
  | 'failure-owed'
  | 'failure-queued'
  | 'failure-sent'
  | 'failure-given-up'
  | 'anchor-added'
  | 'anchor-removed'
  | 'bundle-added'
  | 'bundle-removed'
  | 'bundle-refreshed'
  | 'bundle-failed'
  | 'certificate-pinned'
  | 'certificate-unpinned'
  | 'store-restored'
  | 'pruned'

/** What the audit row of a received message leaves open. */
export const UNKNOWN_TO_RECEIVER = { actor: null, route: null, documents: [], patient: null } as const

/** What the audit row of an act on the store as a whole leaves open. */
export const OF_NO_MESSAGE = {
  messageId: null,
  from: null,
  address: null,
  route: null,
  certificate: null,
  documents: [],
  patient: null,
} as const

/** Writes a row in the transaction of what it reports: what is audited happened, what happened is audited. */
export async function record(tx: Tx, row: NewAuditRow & { readonly event: AuditEvent }): Promise<void> {
  await insert(tx, row)
}

/** The same, of an event that is none of the store's own. */
export async function insert(tx: Tx, row: NewAuditRow): Promise<void> {
  const { actor, messageId, patient, outcome } = row
  // As the database keeps them: the chain is made of what can be read again.
  const documents = row.documents.map(asName)
  const chained = {
    at: row.at.getTime(),
    event: row.event,
    actor: actor && asReadAgain(actor),
    message_id: messageId && asName(messageId),
    sender: row.from === null ? null : addressKey(row.from),
    address: row.address === null ? null : addressKey(row.address),
    route: row.route,
    certificate: row.certificate,
    algorithms: encodeAlgorithms(row.algorithms ?? null),
    documents: JSON.stringify(documents),
    patient: patient && asName(patient),
    outcome: outcome && asReadAgain(outcome),
    why: encodeWhy(row.why),
  }
  await append(tx, chained, new Set(documents))
}
