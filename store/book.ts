import type { Kysely } from 'kysely'
import type { Book, BookEntry, KnownCertificate } from './book-types.ts'
import { addressKey, fromJson } from './encoding.ts'
import type { Schema } from './schema.ts'
import { inTurn } from './turn.ts'

/** Rows of one statement: a database bounds the values in it. */
const AT_ONCE = 100

export class SqlBook implements Book {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async get(sender: string, address: string): Promise<BookEntry | null> {
    const row = await this.#db
      .selectFrom('book')
      .selectAll()
      .where('sender', '=', addressKey(sender))
      .where('address', '=', addressKey(address))
      .executeTakeFirst()
    if (row === undefined) return null
    return {
      address: row.address,
      route: row.route,
      certificates: decodeCertificates(row.certificates),
      since: new Date(row.since),
      endsTold: fromJson(row.ends_told),
      askedAt: new Date(row.asked_at),
    }
  }

  async put(sender: string, entries: readonly BookEntry[]): Promise<void> {
    if (entries.length === 0) return
    const rows = entries.map((entry) => ({
      sender: addressKey(sender),
      address: addressKey(entry.address),
      route: entry.route,
      certificates: JSON.stringify(entry.certificates),
      since: entry.since.getTime(),
      ends_told: JSON.stringify(entry.endsTold),
      asked_at: entry.askedAt.getTime(),
    }))
    await inTurn(this.#db, async (tx) => {
      for (let at = 0; at < rows.length; at += AT_ONCE)
        await tx
          .insertInto('book')
          .values(rows.slice(at, at + AT_ONCE))
          .onConflict((conflict) =>
            conflict.columns(['sender', 'address']).doUpdateSet(({ ref }) => ({
              route: ref('excluded.route'),
              certificates: ref('excluded.certificates'),
              since: ref('excluded.since'),
              ends_told: ref('excluded.ends_told'),
              asked_at: ref('excluded.asked_at'),
            })),
          )
          .execute()
    })
  }

  async forget(askedBefore: Date): Promise<void> {
    await this.#db.deleteFrom('book').where('asked_at', '<', askedBefore.getTime()).execute()
  }
}

type Encoded = Omit<KnownCertificate, 'notAfter'> & { readonly notAfter: string }

function decodeCertificates(json: string): readonly KnownCertificate[] {
  return fromJson<readonly Encoded[]>(json).map(({ notAfter, ...certificate }) => ({
    ...certificate,
    notAfter: new Date(notAfter),
  }))
}
