import { type Kysely, sql } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import type { Schema } from '../schema.ts'
import { asOfNow, isShared } from '../turn.ts'
import type { AuditProof, StoreFinding } from '../upkeep-types.ts'
import { readBodies } from './damaged-bodies.ts'
import { type Broken, type Invariant, invariants } from './invariants.ts'
import type { Tell } from './seal.ts'
import { verifyAudit } from './verify-audit.ts'

/** Of one kind: who has a hundred has more. */
const MOST = 100

const RESTORE = 'Restore a backup: direct store restore FILE --replace. Take a copy of the folder first.'

export interface CheckOptions {
  readonly now: Date
  /** Of the bodies, which take the time. */
  readonly tell: Tell
}

/** First the file, then what its tables say of each other: of a damaged file that would be guesswork. */
export async function* check(db: Kysely<Schema>, { now, tell }: CheckOptions): AsyncGenerator<StoreFinding> {
  if (!isShared(db)) {
    const damage = await pages(db)
    yield* orFine('file', damage, 'every page of the file is whole')
    if (damage.length > 0) return
    yield* orFine('references', await references(db), 'every row that another one names is there')
  }
  // As of one moment, though others go on writing.
  const all = invariants(now)
  const broken = await asOfNow(db, async (tx) => {
    const found: StoreFinding[][] = []
    for (const invariant of all) found.push(await breaches(tx, invariant))
    return found
  })
  for (const [i, { area, fine }] of all.entries()) yield* orFine(area, broken[i] ?? [], fine)
  const { damaged, whole, undigested } = await readBodies(db, tell)
  const older = undigested === 0 ? '' : `; ${undigested} from before version 12 have no digest`
  yield* orFine('bodies', damaged.slice(0, MOST), `${whole} bodies are what was written${older}`)
  const proof = await verifyAudit(db, null)
  yield* orFine('audit', brokenAudit(proof), `${proof.rows} rows of the audit are as they were written`)
}

/** That something is not what was written; other findings are of what was never right. */
const DAMAGE = new Set<StoreFinding['code']>([
  'SEAL_BROKEN',
  'PAGES_DAMAGED',
  'REFERENCE_BROKEN',
  'BODY_INCOMPLETE',
  'BODY_DAMAGED',
  'AUDIT_BROKEN',
])

/** All that is damaged in a store. */
export async function damageOf(db: Kysely<Schema>, options: CheckOptions): Promise<readonly StoreFinding[]> {
  const found = await Array.fromAsync(check(db, options))
  return found.filter(({ code }) => DAMAGE.has(code))
}

function orFine(area: StoreFinding['area'], found: StoreFinding[], fine: string): StoreFinding[] {
  return found.length > 0 ? found : [{ area, level: 'ok', code: 'OK', about: null, text: fine, do: null }]
}

/** Whether SQLite can read every page of the file, and each index agrees with its table: all that is wrong. */
export async function pages(db: Kysely<Schema>): Promise<StoreFinding[]> {
  const said = await integrity(db)
  return said.map((text) => ({
    area: 'file',
    level: 'error',
    code: 'PAGES_DAMAGED',
    about: null,
    // SQLite's words, of pages, tables and row numbers; several lines.
    text: text.replace(/\s+/g, ' '),
    do: RESTORE,
  }))
}

async function integrity(db: Kysely<Schema>): Promise<string[]> {
  try {
    const { rows } = await sql<{
      integrity_check: string
    }>`pragma integrity_check(${sql.lit(MOST)})`.execute(db)
    return rows.map(({ integrity_check }) => integrity_check).filter((text) => text !== 'ok')
  } catch (error) {
    // Where it cannot even go on looking.
    if (error instanceof DirectError && error.code === 'STORE_DAMAGED') return [error.message]
    throw error
  }
}

async function references(db: Kysely<Schema>): Promise<StoreFinding[]> {
  const { rows } = await sql<{ table: string; rowid: number | null; parent: string }>`
    pragma foreign_key_check`.execute(db)
  return rows.slice(0, MOST).map(({ table, rowid, parent }) => ({
    area: 'references',
    level: 'error',
    code: 'REFERENCE_BROKEN',
    about: `${table} ${rowid}`,
    text: `row ${rowid} of ${table} names a row of ${parent} that is not there`,
    do: RESTORE,
  }))
}

function brokenAudit({ broken, rows }: AuditProof): StoreFinding[] {
  if (broken === null) return []
  return [
    {
      area: 'audit',
      level: 'error',
      code: 'AUDIT_BROKEN',
      about: broken.id === null ? null : `audit ${broken.id}`,
      text: `${broken.text}; the ${rows} before it are as they were written`,
      do: 'Somebody wrote into the database, or its disk fails: look after the disk, find out who could write, and compare a backup (direct audit --verify).',
    },
  ]
}

async function breaches(db: Kysely<Schema>, invariant: Invariant): Promise<StoreFinding[]> {
  const { area, code, broken, text } = invariant
  const { rows } = await sql<Broken>`${broken} limit ${MOST}`.execute(db)
  return rows.map((row) => ({
    area,
    level: 'error',
    code,
    about: row.about,
    text: text(row),
    do: invariant.do,
  }))
}
