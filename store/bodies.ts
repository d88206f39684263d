import { createHash, hash } from 'node:crypto'
import { type Insertable, type Kysely, sql } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import { loosely } from './loosely.ts'
import { type Bound, prepared, preparedRows } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'
import { inTurn } from './turn.ts'
import type { Bodies, BodyId } from './types.ts'

/** Bytes of one chunk row: what one body costs in memory, whatever its length. */
const CHUNK = 256 * 1024
/** Room for most messages whole. */
const FIRST = 32 * 1024
/**
 * How long a body that nothing refers to is left alone: another process may be writing it, or may be about to
 * name it in `outbox.add` or `inbox.stored`. A writer touches its body with every chunk.
 */
const ABANDONED_MS = 24 * 3_600_000

export class SqlBodies implements Bodies {
  readonly #db: Kysely<Schema>
  readonly #now: () => Date

  constructor(db: Kysely<Schema>, now: () => Date) {
    this.#db = db
    this.#now = now
  }

  async write(source: AsyncIterable<Uint8Array>): Promise<BodyId> {
    let body: BodyId | null = null
    let whole = false
    try {
      let seq = 0
      let bytes = 0
      const digest = createHash('sha256')
      for await (const { data, last } of chunks(source)) {
        bytes += data.length
        digest.update(data)
        const sha256 = last ? digest.digest('hex') : null
        const row = {
          bytes,
          complete: last ? (1 as const) : (0 as const),
          kept: 0 as const,
          sha256,
          touched_at: this.#now().getTime(),
        }
        // One short transaction per chunk: nobody else waits for the source of this body. Whoever names it makes it last.
        body = await loosely(this.#db, async (tx) => {
          const { id } = body === null ? await begin.executeTakeFirstOrThrow(tx, row) : { id: body }
          if (body !== null) await tx.updateTable('bodies').set(row).where('id', '=', id).execute()
          await addChunks.execute(tx, [{ body: id, seq, data }])
          return id
        })
        seq += 1
        whole = last
      }
      if (body === null) throw new TypeError('a body has at least one chunk')
      return body
    } finally {
      if (body !== null && !whole) await this.remove(body)
    }
  }

  async size(id: BodyId): Promise<number> {
    return wholeOf(id, await sizeOf.executeTakeFirst(this.#db, { id })).bytes
  }

  async *read(id: BodyId): AsyncIterable<Uint8Array> {
    const { bytes, sha256, first } = wholeOf(id, await beginningOf.executeTakeFirst(this.#db, { id }))
    const digest = sha256 === null ? null : createHash('sha256')
    for (let seq = 0, read = 0; ; seq++) {
      const data = seq === 0 ? first : await this.#chunk(id, seq)
      // A disk that failed may have made text of it.
      if (!(data instanceof Uint8Array)) throw damaged(id)
      read += data.length
      digest?.update(data)
      // Looked at before the last piece is given: nobody takes for whole what is not.
      const isLast = read >= bytes
      if (isLast && (read > bytes || (digest !== null && digest.digest('hex') !== sha256))) throw damaged(id)
      if (data.length > 0) yield data
      if (isLast) return
    }
  }

  async verify(id: BodyId): Promise<void> {
    for await (const _ of this.read(id));
  }

  async remove(id: BodyId): Promise<void> {
    await inTurn(this.#db, (tx) => tx.deleteFrom('bodies').where('id', '=', id).execute())
  }

  async #chunk(id: BodyId, seq: number): Promise<Uint8Array | null> {
    return (await chunkOf.executeTakeFirst(this.#db, { body: id, seq }))?.data ?? null
  }
}

const begin = prepared((db, row: Bound<Insertable<Schema['bodies']>>) =>
  db.insertInto('bodies').values(row).returning('id'),
)

const addChunks = preparedRows((db, chunks: readonly Bound<Schema['body_chunks']>[]) =>
  db.insertInto('body_chunks').values(chunks),
)

const sizeOf = prepared((db, { id }: Bound<{ id: BodyId }>) =>
  db.selectFrom('bodies').select('bytes').where('id', '=', id).where('complete', '=', 1),
)

/** With its first chunk, which is all of most. */
const beginningOf = prepared((db, { id }: Bound<{ id: BodyId }>) =>
  db
    .selectFrom('bodies')
    .leftJoin('body_chunks', (join) => join.onRef('body', '=', 'id').on('seq', '=', 0))
    .select(['bytes', 'sha256', 'data as first'])
    .where('id', '=', id)
    .where('complete', '=', 1),
)

function wholeOf<Row>(id: BodyId, row: Row | undefined): Row {
  if (row !== undefined) return row
  throw new DirectError('STORE_FAILED', `the store has no complete body ${id}`)
}

const chunkOf = prepared((db, { body, seq }: Bound<{ body: BodyId; seq: number }>) =>
  db.selectFrom('body_chunks').select('data').where('body', '=', body).where('seq', '=', seq),
)

/** Bodies of one chunk at most, in the transaction of what names them. Their ids, in the same order. */
export async function addBodies(tx: Tx, all: readonly Uint8Array[], at: Date): Promise<readonly BodyId[]> {
  const chunks: Schema['body_chunks'][] = []
  for (const data of all) {
    if (data.length > CHUNK) throw new TypeError(`a body of ${data.length} bytes is written chunk by chunk`)
    const sha256 = hash('sha256', data, 'hex')
    const row = { bytes: data.length, complete: 1, kept: 1, sha256, touched_at: at.getTime() } as const
    const { id } = await begin.executeTakeFirstOrThrow(tx, row)
    chunks.push({ body: id, seq: 0, data })
  }
  await addChunks.execute(tx, chunks)
  return chunks.map(({ body }) => body)
}

/** Something refers to it from now on, in the transaction of that. */
export async function keep(tx: Tx, body: BodyId): Promise<void> {
  await keepBody.execute(tx, { body })
}

const keepBody = prepared((db, { body }: Bound<{ body: BodyId }>) =>
  db.updateTable('bodies').set({ kept: 1 }).where('id', '=', body),
)

/** The next sweep looks at it, as nothing may refer to it. */
export async function leave(tx: Tx, body: BodyId): Promise<void> {
  await tx.updateTable('bodies').set({ kept: 0 }).where('id', '=', body).execute()
}

/** That something refers to a body. */
export const isNamed = sql<boolean>`(
  exists (select 1 from copies where copies.body = bodies.id)
  or exists (select 1 from messages where messages.record_body = bodies.id)
  or exists (select 1 from inbox_entries where inbox_entries.body = bodies.id))`

/** Removes what a stop left behind: bodies, whole or not, that nothing refers to and nobody touched for a day. */
export async function sweepBodies(db: Kysely<Schema>, now: Date): Promise<void> {
  const abandoned = await db
    .selectFrom('bodies')
    .select('id')
    // In these words an index has those alone to which nothing refers.
    .where('kept', '=', sql.lit(0))
    .where('touched_at', '<', now.getTime() - ABANDONED_MS)
    .where(sql<boolean>`not ${isNamed}`)
    .execute()
  for (const { id } of abandoned)
    await inTurn(db, (tx) => tx.deleteFrom('bodies').where('id', '=', id).execute())
}

function damaged(id: BodyId): DirectError {
  return new DirectError('STORE_DAMAGED', `body ${id} in the store is not what was written`, {
    hint: 'Run "direct store check": it names every message that needs a damaged body. Look after the disk.',
  })
}

/** The same bytes in pieces of CHUNK, the last one shorter, and at least one. Each piece is good until the next. */
async function* chunks(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ data: Uint8Array; last: boolean }> {
  // Most bodies are far smaller than a chunk.
  let buffer = Buffer.allocUnsafe(FIRST)
  let filled = 0
  for await (const piece of source) {
    for (let from = 0; from < piece.length; ) {
      // Full only when more comes, so that whoever gets the last piece knows that it is the last.
      if (filled === CHUNK) {
        yield { data: buffer, last: false }
        filled = 0
      }
      const taken = piece.subarray(from, from + CHUNK - filled)
      if (filled + taken.length > buffer.length) {
        const grown = Buffer.allocUnsafe(CHUNK)
        buffer.copy(grown, 0, 0, filled)
        buffer = grown
      }
      buffer.set(taken, filled)
      filled += taken.length
      from += taken.length
    }
  }
  yield { data: buffer.subarray(0, filled), last: true }
}
