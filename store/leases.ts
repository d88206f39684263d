import { type Kysely, type RawBuilder, sql } from 'kysely'
import { aheadOf } from './due.ts'
import type { Leases } from './lease-types.ts'
import { loosely } from './loosely.ts'
import { clockDifference } from './postgres/server.ts'
import type { Schema } from './schema.ts'
import { isShared } from './turn.ts'

export class SqlLeases implements Leases {
  readonly #db: Kysely<Schema>
  readonly #now: () => Date

  constructor(db: Kysely<Schema>, now: () => Date) {
    this.#db = db
    this.#now = now
  }

  async take(name: string, holder: string, forMs: number): Promise<boolean> {
    const now = this.#clock()
    const until = sql<number>`${now} + ${sql.lit(forMs)}`
    // A loss of power ends whoever holds it.
    const taken = await loosely(this.#db, (tx) =>
      tx
        .insertInto('leases')
        .values({ name, holder, until })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ holder, until })
            .where(({ or, eb, ref }) =>
              or([
                eb('leases.holder', '=', holder),
                eb(ref('leases.until'), '<=', now),
                eb(ref('leases.until'), '>', aheadOf(now)),
              ]),
            ),
        )
        .returning('holder')
        .executeTakeFirst(),
    )
    return taken !== undefined
  }

  async clockDifference(): Promise<number | null> {
    return isShared(this.#db) ? await clockDifference(this.#db) : null
  }

  async release(holder: string, name?: string): Promise<void> {
    await loosely(this.#db, (tx) => {
      const held = tx.deleteFrom('leases').where('holder', '=', holder)
      return (name === undefined ? held : held.where('name', '=', name)).execute()
    })
  }

  /** Milliseconds since 1970: of the server, so that daemons need not agree on the time. */
  #clock(): RawBuilder<number> {
    return isShared(this.#db)
      ? sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`
      : sql<number>`${this.#now().getTime()}`
  }
}
