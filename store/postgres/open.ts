import { Database } from '../database.ts'
import { describePlace, type PostgresPlace } from '../place.ts'
import { SharedPostgresDialect } from './dialect.ts'
import { requireServer } from './server.ts'

/**
 * A database of a server that will do, whatever is in it; `patient` as `SharedPostgresDialect` has it. Throws DirectError as
 * `requireServer`, and where there is no way there; nothing stays open then.
 */
export async function openServer(place: PostgresPlace, patient = false): Promise<Database> {
  const db = new Database(new SharedPostgresDialect(place, patient))
  try {
    await requireServer(db, describePlace(place))
    return db
  } catch (error) {
    await db.destroy()
    throw error
  }
}
