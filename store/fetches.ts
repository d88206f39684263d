import { type Kysely, sql } from 'kysely'
import type { FetchesTable, Schema } from './schema.ts'
import type { Fetches, StoredFetch } from './types.ts'

/** All bodies together; a CRL may have 10 MiB. */
const MOST_BYTES = 128 * 1024 * 1024

export class SqlFetches implements Fetches {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async get(key: string, now: Date | null): Promise<StoredFetch | null> {
    const row =
      now === null
        ? await this.#db.selectFrom('fetches').selectAll().where('key', '=', key).executeTakeFirst()
        : await this.#db
            .updateTable('fetches')
            .set({ used_at: now.getTime() })
            .where('key', '=', key)
            .returningAll()
            .executeTakeFirst()
    return row === undefined ? null : { ...factsOf(row), body: new Uint8Array(row.body) }
  }

  async put(fetch: StoredFetch, now: Date): Promise<void> {
    const row = {
      key: fetch.key,
      url: fetch.url,
      kind: fetch.kind,
      request: fetch.request,
      body: fetch.body,
      bytes: fetch.body.length,
      fetched_at: fetch.fetchedAt.getTime(),
      refresh_at: fetch.refreshAt.getTime(),
      used_at: now.getTime(),
    }
    await this.#db.transaction().execute(async (tx) => {
      const { key: _, used_at: __, ...replaced } = row
      await tx
        .insertInto('fetches')
        .values(row)
        // A refresh ahead of need is no use: what nobody asks for again ends.
        .onConflict((conflict) => conflict.column('key').doUpdateSet(replaced))
        .execute()
      const newestFirst = await tx
        .selectFrom('fetches')
        .select(['key', 'bytes'])
        .orderBy('used_at', 'desc')
        .orderBy('key')
        .execute()
      let total = 0
      const beyond: string[] = []
      for (const { key, bytes } of newestFirst) {
        total += bytes
        if (total > MOST_BYTES) beyond.push(key)
      }
      if (beyond.length > 0) await tx.deleteFrom('fetches').where('key', 'in', beyond).execute()
    })
  }

  async due(now: Date, usedSince: Date, limit: number): Promise<readonly Omit<StoredFetch, 'body'>[]> {
    const rows = await this.#db
      .selectFrom('fetches')
      .select(['key', 'url', 'kind', 'request', 'fetched_at', 'refresh_at'])
      .where('refresh_at', '<=', now.getTime())
      .where('used_at', '>=', usedSince.getTime())
      .orderBy(sql`refresh_at`)
      .limit(limit)
      .execute()
    return rows.map(factsOf)
  }
}

function factsOf(row: Omit<FetchesTable, 'body' | 'bytes' | 'used_at'>): Omit<StoredFetch, 'body'> {
  return {
    key: row.key,
    url: row.url,
    kind: row.kind,
    request: row.request === null ? null : new Uint8Array(row.request),
    fetchedAt: new Date(row.fetched_at),
    refreshAt: new Date(row.refresh_at),
  }
}
