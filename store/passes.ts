import type { Kysely } from 'kysely'
import { momentOf } from './due.ts'
import type { PassRecords } from './lease-types.ts'
import { loosely } from './loosely.ts'
import type { Schema } from './schema.ts'

/** Of `positions`: the rows that say until when a mailbox was read. */
const row = (mailbox: string) => `read ${mailbox}`

export class SqlPasses implements PassRecords {
  readonly #db: Kysely<Schema>
  readonly #now: () => Date

  constructor(db: Kysely<Schema>, now: () => Date) {
    this.#db = db
    this.#now = now
  }

  async completed(mailbox: string, begun: Date): Promise<void> {
    const { at: position, ahead } = momentOf(begun)
    // The next pass says as much.
    await loosely(this.#db, (tx) =>
      tx
        .insertInto('positions')
        .values({ name: row(mailbox), position })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ position })
            .where(({ or, eb }) =>
              or([eb('positions.position', '<', position), eb('positions.position', '>', ahead)]),
            ),
        )
        .execute(),
    )
  }

  async readUntil(mailboxes: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    if (mailboxes.length === 0) return new Map()
    const rows = await this.#db
      .selectFrom('positions')
      .selectAll()
      .where('name', 'in', mailboxes.map(row))
      // Of a clock that has been set back since: what lies in the mailbox now was not read then.
      .where('position', '<=', momentOf(this.#now()).ahead)
      .execute()
    const known = new Map(rows.map(({ name, position }) => [name, new Date(position)]))
    return new Map(
      mailboxes.flatMap((mailbox) => {
        const until = known.get(row(mailbox))
        return until === undefined ? [] : [[mailbox, until] as const]
      }),
    )
  }
}
