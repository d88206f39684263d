import { type Kysely, sql } from 'kysely'
import { migrate } from '../migrate.ts'
import { describePlace, type PostgresPlace } from '../place.ts'
import { openServer } from '../postgres/open.ts'
import type { Schema } from '../schema.ts'
import { inTurn } from '../turn.ts'
import { copyIn } from './copy-in.ts'
import type { Tell } from './seal.ts'
import { notEmpty, open, type Target } from './target.ts'

/** The store in a PostgreSQL database, all of which is another's at the end of one transaction. */
export async function targetPostgres(
  place: PostgresPlace,
  { draft, now, tell }: { readonly draft: string; readonly now: () => Date; readonly tell: Tell },
): Promise<Target> {
  const name = describePlace(place)
  // One connection: any other of ours is another process.
  const db = await openServer({ ...place, connections: 1 }, true)
  const close = () => db.destroy()
  try {
    await migrate(db, now, name)
  } catch (error) {
    await close()
    throw error
  }
  return {
    draft,
    requireFree: (replace) => requireFree(db, name, replace),
    put: (file, replace) =>
      inTurn(db, async (tx) => {
        await requireFree(tx, name, replace)
        await copyIn(tx, file, tell)
      }),
    [Symbol.asyncDispose]: close,
  }
}

async function requireFree(db: Kysely<Schema>, name: string, replace: boolean): Promise<void> {
  const { rows } = await sql<{ others: number; known: number }>`
    select (select count(*) from pg_stat_activity where datname = current_database()
        and application_name = current_setting('application_name') and pid <> pg_backend_pid()) as others,
      case when exists (select 1 from audit) or exists (select 1 from inbox_entries) then 1 else 0 end as known`.execute(
    db,
  )
  const [found] = rows
  if (found?.known !== 0 && !replace) throw notEmpty(name)
  if (found?.others !== 0) throw open(name)
}
