import { type Kysely, sql } from 'kysely'
import { OF_NO_MESSAGE, record } from '../audit.ts'
import { openAudit, writeAudit } from '../audit-chain.ts'
import type { Schema } from '../schema.ts'
import { readMailboxesFirst } from '../upkeep/read-first.ts'
import { SERVER_NOW, TURN } from './server.ts'

/**
 * A database that has lost what was done last is treated as a restored one, and says until when it knows everything: what
 * is dated after `lostAt`, when a row was written that is lost, was done since, by whoever noticed nothing.
 */
export async function noteWentBack(db: Kysely<Schema>, lostAt: number): Promise<void> {
  await db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (tx) => {
      const { rows } = await sql<{ now: number }>`
        select ${TURN}, ${SERVER_NOW} as now`.execute(tx)
      const at = new Date(rows[0]?.now ?? 0)
      const { newest } = await tx
        .selectFrom('audit')
        .select(({ fn }) => fn.max('at').as('newest'))
        .where('at', '<=', lostAt)
        .executeTakeFirstOrThrow()
      await readMailboxesFirst(tx, at)
      openAudit(tx)
      const until = newest === null ? 'the beginning' : new Date(newest).toISOString()
      await record(tx, {
        ...OF_NO_MESSAGE,
        at,
        event: 'store-restored',
        actor: null,
        outcome: 'went back',
        why: [{ code: 'STORE_WENT_BACK', text: `what was known until ${until}` }],
      })
      await writeAudit(tx)
    })
}
