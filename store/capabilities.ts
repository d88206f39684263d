import type { Kysely } from 'kysely'
import type { CapabilityRecords, KnownCapabilities } from './capability-types.ts'
import { addressKey } from './encoding.ts'
import { loosely } from './loosely.ts'
import { type Bound, prepared } from './prepared.ts'
import type { Schema } from './schema.ts'

const MOST = 50_000
const MOST_OF_ONE_ADDRESS = 4

export class SqlCapabilities implements CapabilityRecords {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async put(known: KnownCapabilities): Promise<void> {
    const address = addressKey(known.address)
    const signedAt = known.signedAt.getTime()
    const said = {
      ciphers: JSON.stringify(known.content),
      key_transport: JSON.stringify(known.keyTransport),
      signed_at: signedAt,
      taken_at: known.takenAt.getTime(),
    }
    // What a sender says comes again with the next message.
    await loosely(this.#db, async (tx) => {
      await tx
        .insertInto('capabilities')
        .values({ address, certificate: known.certificate, ...said })
        .onConflict((conflict) =>
          conflict
            .columns(['address', 'certificate'])
            .doUpdateSet(said)
            .where('capabilities.signed_at', '<', signedAt),
        )
        .execute()
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
    })
  }

  async of(address: string, certificate: string): Promise<KnownCapabilities | null> {
    const rows = await saidBy.execute(this.#db, { address: addressKey(address) })
    const row = rows.find((one) => one.certificate === certificate) ?? rows[0]
    if (row === undefined) return null
    return {
      address: row.address,
      certificate: row.certificate,
      content: JSON.parse(row.ciphers) as readonly string[],
      keyTransport: JSON.parse(row.key_transport) as readonly string[],
      signedAt: new Date(row.signed_at),
      takenAt: new Date(row.taken_at),
    }
  }
}

const saidBy = prepared((db, { address }: Bound<{ address: string }>) =>
  db
    .selectFrom('capabilities')
    .selectAll()
    .where('address', '=', address)
    .orderBy('signed_at', 'desc')
    .orderBy('id', 'desc'),
)
