import { type Kysely, sql } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import { asName } from './kept-text.ts'
import type { Schema } from './schema.ts'
import type { FetchesTable } from './trust-tables.ts'
import { inTurn } from './turn.ts'
import type { Fetches, StoredFetch } from './types.ts'

/** All bodies together; a CRL may have 10 MiB. */
const MOST_BYTES = 128 * 1024 * 1024
/** What a row costs beside its body: a flood of small bodies is bounded, too. */
const ROW_BYTES = 16 * 1024
/** Not every use is written down: reading needs no room on the disk, and waits for no other process. */
const NOTED_MS = 60_000

const isIssuer = sql<number>`case kind when 'issuer' then 1 else 0 end`

export class SqlFetches implements Fetches {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async get(key: string, now: Date | null): Promise<StoredFetch | null> {
    const row = await this.#db
      .selectFrom('fetches')
      .selectAll()
      .where('key', '=', asName(key))
      .executeTakeFirst()
    if (row === undefined) return null
    if (now !== null && Math.abs(now.getTime() - row.used_at) >= NOTED_MS) await this.#used(row.key, now)
    return { ...factsOf(row), body: new Uint8Array(row.body) }
  }

  /** What was read is in hand: that its use cannot be noted (a full disk, a locked store) must not cost it. */
  async #used(key: string, now: Date): Promise<void> {
    try {
      await inTurn(this.#db, async (tx) => {
        await tx.updateTable('fetches').set({ used_at: now.getTime() }).where('key', '=', key).execute()
      })
    } catch (error) {
      if (!(error instanceof DirectError)) throw error
    }
  }

  async put(fetch: StoredFetch, now: Date): Promise<void> {
    const row = {
      // Made of a URL, which is what a certificate says: anybody's.
      key: asName(fetch.key),
      url: fetch.url,
      kind: fetch.kind,
      request: fetch.request,
      body: fetch.body,
      bytes: fetch.body.length,
      fetched_at: fetch.fetchedAt.getTime(),
      refresh_at: fetch.refreshAt.getTime(),
      used_at: now.getTime(),
    }
    await inTurn(this.#db, async (tx) => {
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
        // Anybody's mail makes us fetch issuers; CRLs and OCSP are asked for trusted CAs alone, and must not go for those.
        .orderBy(isIssuer)
        .orderBy('used_at', 'desc')
        .orderBy('key')
        .execute()
      let total = 0
      const beyond: string[] = []
      for (const { key, bytes } of newestFirst) {
        total += bytes + ROW_BYTES
        if (total > MOST_BYTES) beyond.push(key)
      }
      if (beyond.length > 0) await tx.deleteFrom('fetches').where('key', 'in', beyond).execute()
    })
  }

  async due(now: Date, usedSince: Date, limit: number): Promise<readonly Omit<StoredFetch, 'body'>[]> {
    const rows = await this.#db
      .selectFrom('fetches')
      .select(['key', 'url', 'kind', 'request', 'fetched_at', 'refresh_at'])
      .where(({ or, eb }) =>
        // What a clock that was ahead has fetched says nothing about when it is due.
        or([eb('refresh_at', '<=', now.getTime()), eb('fetched_at', '>', now.getTime())]),
      )
      .where('used_at', '>=', usedSince.getTime())
      .orderBy(isIssuer)
      .orderBy('refresh_at')
      .limit(limit)
      .execute()
    return rows.map(factsOf)
  }

  async postpone(key: string, refreshAt: Date): Promise<void> {
    await inTurn(this.#db, async (tx) => {
      await tx
        .updateTable('fetches')
        .set({ refresh_at: refreshAt.getTime() })
        .where('key', '=', asName(key))
        .execute()
    })
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
