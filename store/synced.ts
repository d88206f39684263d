import { type Kysely, sql } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import type { Schema } from './schema.ts'
import { NodeSqliteAdapter } from './sqlite/adapter.ts'
import type { LogSync } from './sqlite/log-sync.ts'

/**
 * Waits until everything that was committed by now outlasts the power: for whoever commits, and for whoever acts upon what
 * another may have committed a moment ago.
 */
export async function synced(db: Kysely<Schema>): Promise<void> {
  await logOf(db)?.synced(() => checkpoint(db))
}

function logOf(db: Kysely<Schema>): LogSync | null {
  const { adapter } = db.getExecutor()
  return adapter instanceof NodeSqliteAdapter ? adapter.log : null
}

/** All of the log into the database's own file, which SQLite syncs by itself; who writes next begins the log anew. */
async function checkpoint(db: Kysely<Schema>): Promise<void> {
  await db.connection().execute(async (connection) => {
    const { rows } = await sql<{ busy: number; log: number; checkpointed: number }>`
      pragma wal_checkpoint(restart)`.execute(connection)
    const [done] = rows
    if (done === undefined || done.busy !== 0 || done.log !== done.checkpointed)
      throw new DirectError('STORE_FAILED', 'the log could not be brought into the store', {
        temporary: true,
      })
  })
}
