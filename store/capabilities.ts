import type { Kysely, Selectable } from 'kysely'
import type { CapabilityRecords, KnownCapabilities } from './capability-types.ts'
import { addressKey, fromJson } from './encoding.ts'
import { GatheredTurns } from './gathered-turns.ts'
import { loosely } from './loosely.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'
import type { StoreTurns } from './store-turns.ts'
import { isShared } from './turn.ts'

const MOST = 50_000
const MOST_OF_ONE_ADDRESS = 4

export class SqlCapabilities implements CapabilityRecords {
  readonly #db: Kysely<Schema>
  readonly #turns: GatheredTurns

  constructor(db: Kysely<Schema>, turns: StoreTurns) {
    this.#db = db
    // Several processes write of the same addresses, in different orders: of two at once each would wait for the other.
    this.#turns = isShared(db) ? new GatheredTurns((act) => loosely(db, act), 1) : turns.loose
  }

  async put(known: KnownCapabilities): Promise<void> {
    const address = addressKey(known.address)
    const said = {
      ciphers: JSON.stringify(known.content),
      key_transport: JSON.stringify(known.keyTransport),
      signed_at: known.signedAt.getTime(),
      taken_at: known.takenAt.getTime(),
    }
    const whose = { address, certificate: known.certificate }
    // What a sender says comes again with the next message.
    await this.#turns.take(async (tx) => {
      if ((await sayAnew.executeTakeFirst(tx, { ...whose, ...said })) !== undefined) return
      if ((await sayingOf.executeTakeFirst(tx, whose)) !== undefined) return
      await tx
        .insertInto('capabilities')
        .values({ ...whose, ...said })
        .onConflict((conflict) =>
          conflict
            .columns(['address', 'certificate'])
            .doUpdateSet(said)
            .where('capabilities.signed_at', '<', said.signed_at),
        )
        .execute()
      await prune(tx, address)
    })
  }

  async of(address: string, certificate: string): Promise<KnownCapabilities | null> {
    const rows = await saidBy.execute(this.#db, { address: addressKey(address) })
    const row = rows.find((one) => one.certificate === certificate) ?? rows[0]
    if (row === undefined) return null
    return {
      address: row.address,
      certificate: row.certificate,
      content: fromJson(row.ciphers),
      keyTransport: fromJson(row.key_transport),
      signedAt: new Date(row.signed_at),
      takenAt: new Date(row.taken_at),
    }
  }
}

/** Where a row is one more, there may be too many: of its address, and of all. */
async function prune(tx: Tx, address: string): Promise<void> {
  const old = tx
    .selectFrom('capabilities')
    .select('id')
    .where('address', '=', address)
    .orderBy('signed_at', 'desc')
    .orderBy('id', 'desc')
    .limit(MOST)
    .offset(MOST_OF_ONE_ADDRESS)
  await tx.deleteFrom('capabilities').where('id', 'in', old).execute()
  const { count } = await tx
    .selectFrom('capabilities')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (count <= MOST) return
  const first = tx
    .selectFrom('capabilities')
    .select('id')
    .orderBy('taken_at')
    .orderBy('id')
    .limit(count - MOST)
  await tx.deleteFrom('capabilities').where('id', 'in', first).execute()
}

/** One row of the table, without its number. */
type Row = Omit<Selectable<Schema['capabilities']>, 'id'>

const sayAnew = prepared((db, { address, certificate, ...said }: Bound<Row>) =>
  db
    .updateTable('capabilities')
    .set(said)
    .where('address', '=', address)
    .where('certificate', '=', certificate)
    .where('signed_at', '<', said.signed_at)
    .returning('id'),
)

const sayingOf = prepared((db, { address, certificate }: Bound<Pick<Row, 'address' | 'certificate'>>) =>
  db
    .selectFrom('capabilities')
    .select('id')
    .where('address', '=', address)
    .where('certificate', '=', certificate),
)

const saidBy = prepared((db, { address }: Bound<{ address: string }>) =>
  db
    .selectFrom('capabilities')
    .selectAll()
    .where('address', '=', address)
    .orderBy('signed_at', 'desc')
    .orderBy('id', 'desc'),
)
