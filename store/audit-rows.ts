import { type Kysely, sql } from 'kysely'
import { insert } from './audit.ts'
import { decodeAlgorithms, decodeWhy, fromJson } from './encoding.ts'
import { asName } from './kept-text.ts'
import type { Schema } from './schema.ts'
import { inTurn } from './turn.ts'
import type { Audit, AuditRow, NewAuditRow } from './types.ts'

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
