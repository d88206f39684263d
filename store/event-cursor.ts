import type { Kysely } from 'kysely'
import type { EventCursor, Told } from './delivery-types.ts'
import type { Schema } from './schema.ts'
import { inTurn } from './turn.ts'

/** Rows of `positions`: `NAME`, the last event that was gone over, and `NAME ID` for each that is behind, with its time. */
export class SqlEventCursor implements EventCursor {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async read(name: string): Promise<Told | null> {
    const rows = await this.#db
      .selectFrom('positions')
      .selectAll()
      .where((eb) => eb.or([eb('name', '=', name), eb('name', 'like', `${name} %`)]))
      .execute()
    const own = rows.find((row) => row.name === name)
    if (own === undefined) return null
    const behind = rows
      .filter((row) => row !== own)
      .map((row) => ({ id: Number(row.name.slice(name.length + 1)), since: new Date(row.position) }))
    return { upTo: own.position, behind: behind.sort((a, b) => a.id - b.id) }
  }

  async write(name: string, { upTo, behind }: Told): Promise<void> {
    await inTurn(this.#db, async (tx) => {
      await tx
        .deleteFrom('positions')
        .where((eb) => eb.or([eb('name', '=', name), eb('name', 'like', `${name} %`)]))
        .execute()
      const rows = behind.map(({ id, since }) => ({ name: `${name} ${id}`, position: since.getTime() }))
      await tx
        .insertInto('positions')
        .values([{ name, position: upTo }, ...rows])
        .execute()
    })
  }
}
