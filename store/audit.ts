import { type Kysely, sql } from 'kysely'
import { append } from './audit-chain.ts'
import { addressKey, decodeAlgorithms, decodeWhy, encodeAlgorithms, encodeWhy, fromJson } from './encoding.ts'
import { asName, asReadAgain } from './kept-text.ts'
import type { Schema, Tx } from './schema.ts'
import { inTurn } from './turn.ts'
import type { Audit, AuditRow, NewAuditRow } from './types.ts'

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

/** Events of our MDNs and failure notices. Whoever has received an MDN may send mail under its Message-ID, which is none of ours. */
const ofNotice = sql<boolean>`(event like 'mdn-%' or event like 'failure-%')`

/** Rows read at once by `list`. */
const PAGE = 500

export class SqlAudit implements Audit {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async add(row: NewAuditRow): Promise<void> {
    await inTurn(this.#db, (tx) => insert(tx, row))
  }

  async *list(filter: Parameters<Audit['list']>[0] = {}): AsyncIterable<AuditRow> {
    for (let after = filter.after ?? 0; ; ) {
      const rows = await this.#page(filter, after)
      for (const row of rows) yield row
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE) return
      after = last.id
    }
  }

  async #page(filter: NonNullable<Parameters<Audit['list']>[0]>, after: number): Promise<AuditRow[]> {
    const { event } = filter
    const [messageId, document, patient] = [filter.messageId, filter.document, filter.patient].map(
      (name) => name && asName(name),
    )
    let query = this.#db
      .selectFrom('audit')
      .leftJoin('notices', (join) => join.onRef('notices.message_id', '=', 'audit.message_id').on(ofNotice))
      .selectAll('audit')
      .select('original_message_id as about')
      .where('audit.id', '>', after)
    if (event !== undefined) query = query.where('event', '=', event)
    if (messageId !== undefined) {
      const answers = this.#db.selectFrom('notices').where('original_message_id', '=', messageId)
      query = query.where(({ eb, or, and }) =>
        or([
          eb('audit.message_id', '=', messageId),
          and([ofNotice, eb('audit.message_id', 'in', answers.select('notices.message_id'))]),
        ]),
      )
    }
    // The rows that name it, and every other row of the messages that those speak of.
    if (document !== undefined) {
      const named = this.#db
        .selectFrom('audit_documents')
        .innerJoin('audit as named', 'named.id', 'audit_documents.audit')
        .where('audit_documents.document', '=', document)
      query = query.where(({ eb, or }) =>
        or([
          eb('audit.id', 'in', named.select('named.id')),
          eb('audit.message_id', 'in', named.select('named.message_id')),
        ]),
      )
    }
    if (patient !== undefined) {
      const named = this.#db.selectFrom('audit as named').where('named.patient', '=', patient)
      query = query.where(({ eb, or }) =>
        or([
          eb('audit.patient', '=', patient),
          eb('audit.message_id', 'in', named.select('named.message_id')),
        ]),
      )
    }
    const rows = await query.orderBy('audit.id').limit(PAGE).execute()
    return rows.map((row) => ({
      id: row.id,
      at: new Date(row.at),
      event: row.event,
      actor: row.actor,
      messageId: row.message_id,
      about: row.about,
      from: row.sender,
      address: row.address,
      route: row.route,
      certificate: row.certificate,
      algorithms: decodeAlgorithms(row.algorithms),
      documents: fromJson(row.documents),
      patient: row.patient,
      outcome: row.outcome,
      why: decodeWhy(row.why),
    }))
  }
}

/** Writes a row in the transaction of what it reports: what is audited happened, what happened is audited. */
export async function record(tx: Tx, row: NewAuditRow & { readonly event: AuditEvent }): Promise<void> {
  await insert(tx, row)
}

async function insert(tx: Tx, row: NewAuditRow): Promise<void> {
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
