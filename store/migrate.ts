import type { Kysely } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import { messages } from './migrations/1-messages.ts'
import { fetchesAndTrust } from './migrations/2-trust.ts'
import { waiting } from './migrations/3-waiting.ts'
import { book } from './migrations/4-book.ts'
import { capabilities } from './migrations/5-capabilities.ts'
import { answers } from './migrations/6-answers.ts'
import { algorithms } from './migrations/7-algorithms.ts'
import { notices } from './migrations/8-notices.ts'
import { chain } from './migrations/9-chain.ts'
import { retention } from './migrations/10-retention.ts'
import { correspondents } from './migrations/11-correspondents.ts'
import { shared } from './migrations/12-shared.ts'
import type { Schema, Tx } from './schema.ts'
import { inTurn } from './turn.ts'

/**
 * Forward only: the step at index n leads from version n to n + 1, in one transaction. A step that was released
 * is never edited. Written in SQLite's words, which the dialect of PostgreSQL
 * translates (postgres/dialect.ts).
 */
const STEPS: readonly ((tx: Tx) => Promise<void>)[] = [
  messages,
  fetchesAndTrust,
  waiting,
  book,
  capabilities,
  answers,
  algorithms,
  notices,
  chain,
  retention,
  correspondents,
  shared,
]

/** The version that `migrate` leads to. */
export const NEWEST = STEPS.length

/** Brings the store to the newest schema. A newer one than ours: DirectError `STORE_FAILED`, nothing is changed. */
export async function migrate(db: Kysely<Schema>, now: () => Date, file: string): Promise<void> {
  for (let done = false; !done; ) {
    done = await inTurn(db, async (tx) => {
      // Inside the transaction: another process may have taken the step while this one waited.
      await tx.schema
        .createTable('schema_versions')
        .ifNotExists()
        .addColumn('version', 'integer', (c) => c.primaryKey())
        .addColumn('applied_at', 'bigint', (c) => c.notNull())
        .execute()
      const at = await versionOf(tx, file)
      const step = STEPS[at]
      if (step === undefined) return true
      await step(tx)
      await tx
        .insertInto('schema_versions')
        .values({ version: at + 1, applied_at: now().getTime() })
        .execute()
      return false
    })
  }
}

/** Of its tables, which are there. One that is newer than ours: DirectError `STORE_FAILED`. */
export async function versionOf(db: Kysely<Schema>, file: string): Promise<number> {
  const row = await db
    .selectFrom('schema_versions')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst()
  const found = row?.version ?? 0
  if (found <= STEPS.length) return found
  throw new DirectError(
    'STORE_FAILED',
    `${file} has schema version ${found}; this direct-agent knows ${STEPS.length} at most`,
    { hint: 'Run the newer direct-agent that wrote it; going back needs a backup from before.' },
  )
}
