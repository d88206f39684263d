import { type Kysely, sql } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import { SqlBodies } from '../bodies.ts'
import type { Schema } from '../schema.ts'
import type { BodyId } from '../types.ts'
import type { StoreFinding } from '../upkeep-types.ts'
import type { Tell } from './seal.ts'

/** Bodies taken at once; each is read for itself, a piece at a time. */
const PAGE = 500

/** What came of reading every body that has a digest. */
export interface BodiesRead {
  readonly damaged: readonly StoreFinding[]
  readonly whole: number
  /** Without a digest: written before version 12. */
  readonly undigested: number
}

/** Reads every complete body, and says of each that is not what was written who needs it. Others may go on writing. */
export async function readBodies(db: Kysely<Schema>, tell: Tell): Promise<BodiesRead> {
  const bodies = new SqlBodies(db, () => new Date())
  const of = await bytesOf(db)
  const damaged: StoreFinding[] = []
  const read = { bytes: 0, whole: 0, undigested: 0 }
  for (let after = 0; ; ) {
    const page = await db
      .selectFrom('bodies')
      .select(['id', 'bytes', 'sha256'])
      .where('complete', '=', 1)
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    const last = page.at(-1)
    if (last === undefined) return { damaged, whole: read.whole, undigested: read.undigested }
    for (const { id, bytes, sha256 } of page) {
      if (sha256 === null) read.undigested += 1
      else if (await isWhole(bodies, id)) read.whole += 1
      // Retention may have removed it meanwhile.
      else if (await isThere(db, id)) damaged.push(...(await needing(db, id)))
      read.bytes += bytes
      tell({ bytes: Math.min(read.bytes, of), of })
    }
    after = last.id
  }
}

async function bytesOf(db: Kysely<Schema>): Promise<number> {
  const { bytes } = await db
    .selectFrom('bodies')
    .select(({ fn }) => fn.sum<number | null>('bytes').as('bytes'))
    .executeTakeFirstOrThrow()
  return Number(bytes ?? 0)
}

/** False as well of one that is gone. */
async function isWhole(bodies: SqlBodies, id: BodyId): Promise<boolean> {
  try {
    await bodies.verify(id)
    return true
  } catch (error) {
    if (error instanceof DirectError && (error.code === 'STORE_DAMAGED' || error.code === 'STORE_FAILED'))
      if (!error.temporary) return false
    throw error
  }
}

async function isThere(db: Kysely<Schema>, id: BodyId): Promise<boolean> {
  return (await db.selectFrom('bodies').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
}

interface Need {
  readonly about: string | null
  readonly whose: string
  readonly kind: 'copy-due' | 'copy-done' | 'record' | 'mail-open' | 'mail-settled'
}

const DO: Readonly<Record<Need['kind'] | 'none', string>> = {
  'copy-due': 'It will not be sent: its recipients fail, and the sender is told. Send the message again.',
  'copy-done': 'It is not sent any more, and goes with its time; look after the disk.',
  record: 'Restore a backup that has it, if what was sent may be asked for; look after the disk.',
  'mail-open': 'It is fetched again while its folder has it; else its author is told. Look after the disk.',
  'mail-settled': 'It was delivered or refused, and goes with its time; look after the disk.',
  none: 'Nothing needs it, and it is removed by itself; look after the disk.',
}

async function needing(db: Kysely<Schema>, body: BodyId): Promise<StoreFinding[]> {
  const { rows } = await sql<Need>`
    select message_id as about, 'the copy for ' || domain as whose,
      case when next_at is null then 'copy-done' else 'copy-due' end as kind
    from copies join messages on messages.id = copies.message where copies.body = ${body}
    union all
    select message_id, 'the record of what was sent', 'record' from messages where record_body = ${body}
    union all
    select message_id, 'mail ' || uid || ' of ' || mailbox,
      case when state = 'settled' then 'mail-settled' else 'mail-open' end
    from inbox_entries where body = ${body}`.execute(db)
  const needs = rows.length > 0 ? rows : [{ about: null, whose: 'needed by nothing', kind: 'none' as const }]
  return needs.map(({ about, whose, kind }) => ({
    area: 'bodies',
    level: 'error',
    code: 'BODY_DAMAGED',
    about: about ?? `body ${body}`,
    text: `body ${body} is not what was written (${whose})`,
    do: DO[kind],
  }))
}
