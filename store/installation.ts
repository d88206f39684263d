import type { Kysely } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import type { Schema } from './schema.ts'
import { inTurn } from './turn.ts'

/** Of `positions`: the names of whose store this is, and when each came to be one. */
const ROW = 'installation '
/** Named in an error. */
const FEW = 5

/** Names of the installation that asks: its own domains and addresses, its mailboxes. None: it is not asked whose it is. */
export interface Asking {
  readonly names: readonly string[]
  readonly place: string
}

/**
 * Throws DirectError `STORE_FAILED` where the database is another installation's, none of whose names is one of these: two
 * that share one would send each other's mail, and take it for their own. One that changes keeps some name.
 */
export async function requireOurs(db: Kysely<Schema>, { names, place }: Asking): Promise<readonly string[]> {
  const known = await namesIn(db)
  if (names.length === 0 || known.length === 0 || names.some((name) => known.includes(name)))
    // A mailbox may be named as an address or a domain is.
    return [...new Set(names)].filter((name) => !known.includes(name))
  const [first, more] = [known.slice(0, FEW), known.length - FEW]
  throw new DirectError(
    'STORE_FAILED',
    `${place} is the store of another installation, that of ${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    {
      hint: 'Name a database of its own in store.url. If it is the same installation, and all its names have changed, start it once with an old one beside them.',
    },
  )
}

/** The same, and from then on it is theirs. */
export async function makeOurs(db: Kysely<Schema>, asking: Asking, now: Date): Promise<void> {
  if ((await requireOurs(db, asking)).length === 0) return
  await inTurn(db, async (tx) => {
    const added = await requireOurs(tx, asking)
    const rows = added.map((name) => ({ name: `${ROW}${name}`, position: now.getTime() }))
    if (rows.length > 0) await tx.insertInto('positions').values(rows).execute()
  })
}

async function namesIn(db: Kysely<Schema>): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('positions')
    .select('name')
    .where('name', 'like', `${ROW}%`)
    .orderBy('name')
    .execute()
  return rows.map(({ name }) => name.slice(ROW.length))
}
