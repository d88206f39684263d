import type { Kysely } from 'kysely'
import { chained, link } from '../audit-chain.ts'
import type { Schema, Tx } from '../schema.ts'
import { asOfNow } from '../turn.ts'
import type { AuditProof } from '../upkeep-types.ts'

/** Rows taken at once. */
const PAGE = 1000

/** Computes the chain anew from the rows, as of one moment, though others go on writing. */
export async function verifyAudit(db: Kysely<Schema>, expect: string | null): Promise<AuditProof> {
  return await asOfNow(db, (tx) => verify(tx, expect))
}

async function verify(tx: Tx, expect: string | null): Promise<AuditProof> {
  const end = await tx.selectFrom('audit_head').selectAll().executeTakeFirst()
  if (end === undefined)
    return {
      rows: 0,
      first: 1,
      head: '',
      expected: null,
      broken: { id: null, text: 'the head of the chain is gone' },
    }
  let [rows, last, head] = [0, end.pruned_to, end.pruned_chain]
  let seen = head === expect
  const proof = (broken: AuditProof['broken']): AuditProof => ({
    rows,
    first: end.pruned_to + 1,
    head,
    expected: expect === null ? null : seen,
    broken,
  })
  for await (const row of rowsAfter(tx, last)) {
    const value = link(head, row)
    if (row.chain !== value)
      return proof({ id: row.id, text: `row ${row.id} was changed, or one before it taken out or put in` })
    if (!row.isFound) return proof({ id: row.id, text: `row ${row.id} is not found by its documents` })
    ;[rows, last, head] = [rows + 1, row.id, value]
    seen ||= head === expect
  }
  if (head !== end.chain)
    return proof({ id: last + 1, text: `rows are gone at the end: ${end.last} was the last, ${last} is` })
  // The next row would have the number of one that is there, and nothing more could be recorded; or there would be a gap.
  if (last !== end.last)
    return proof({
      id: last,
      text: `the head of the chain was changed: ${last} is the last row, not ${end.last}`,
    })
  return proof(null)
}

/** With whether the index of documents, by which `audit --document` finds a row, holds those that it names. */
async function* rowsAfter(tx: Tx, first: number) {
  for (let after = first; ; ) {
    const page = await tx
      .selectFrom('audit')
      .select([...chained, 'chain'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    const last = page.at(-1)
    if (last === undefined) return
    const indexed = Map.groupBy(
      await tx
        .selectFrom('audit_documents')
        .selectAll()
        .where('audit', '>', after)
        .where('audit', '<=', last.id)
        .execute(),
      ({ audit }) => audit,
    )
    for (const row of page) {
      const named = new Set(row.documents === '[]' ? [] : documentsOf(row.documents))
      const found = indexed.get(row.id) ?? []
      yield {
        ...row,
        isFound: found.length === named.size && found.every(({ document }) => named.has(document)),
      }
    }
    after = last.id
  }
}

/** None of what is no list: such a row was changed, which its hash tells. */
function documentsOf(json: string): readonly unknown[] {
  try {
    const documents: unknown = JSON.parse(json)
    return Array.isArray(documents) ? documents : []
  } catch {
    return []
  }
}
