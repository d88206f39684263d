import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import type { Schema } from '../schema.ts'
import { NodeSqliteDialect } from '../sqlite/dialect.ts'
import type { StoreFinding } from '../upkeep-types.ts'
import { pages } from './check.ts'

/**
 * Makes every index of a damaged file anew from the rows of its table, and says what was wrong; nothing where nothing was.
 * Throws DirectError `STORE_DAMAGED` where that does not get over it: SQLite cannot read a page, of rows or of an index, or
 * two rows say what only one may.
 */
export async function mendIndexes(file: string): Promise<readonly StoreFinding[]> {
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(new DatabaseSync(file), file) })
  try {
    const damage = await pages(db)
    if (damage.length === 0) return []
    await sql`reindex`.execute(db).catch((error: unknown) => {
      if (!(error instanceof DirectError) || error.temporary) throw error
      throw new DirectError('STORE_DAMAGED', error.message, { cause: error.cause })
    })
    const [left] = await pages(db)
    if (left !== undefined) throw new DirectError('STORE_DAMAGED', left.text)
    return damage.map((finding) => ({ ...finding, do: 'Nothing: its indexes were made anew from the rows.' }))
  } finally {
    await db.destroy()
  }
}
