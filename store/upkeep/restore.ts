import { lstat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Kysely } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import { OF_NO_MESSAGE, record } from '../audit.ts'
import { exclusively } from '../exclusive.ts'
import { migrate } from '../migrate.ts'
import type { RestorePlace } from '../place.ts'
import type { Schema } from '../schema.ts'
import { NodeSqliteDialect } from '../sqlite/dialect.ts'
import { openDatabase, requireStore } from '../sqlite/file.ts'
import { kindOf } from '../sqlite/own-file.ts'
import { makeStoreFile } from '../sqlite/store-file.ts'
import { inTurn } from '../turn.ts'
import type { RestoredStore, RestoreOptions, StoreFinding } from '../upkeep-types.ts'
import { inOneFile, removeDatabase } from './backup.ts'
import { damageOf } from './check.ts'
import { copyPages } from './copy-pages.ts'
import { mendIndexes } from './mend.ts'
import { readMailboxesFirst } from './read-first.ts'
import { readSeal, type Tell } from './seal.ts'
import type { Target } from './target.ts'
import { targetFile, withDatabase } from './target-file.ts'

/**
 * Makes the store at `place` what the backup `from` is, brought to the newest schema, in one transaction at the very end: a stop at
 * any point leaves the old store or the new one.
 */
export async function restore(from: string, place: RestorePlace, options: Restoring): Promise<RestoredStore> {
  const { replace = false, evenDamaged = false, now, tell } = options
  const seal = await sealOf(from, tell)
  if (seal === 'broken' && !evenDamaged) throw damaged(from, 'it is not what was written')
  await using target = await targetOf(place, now, tell)
  await target.requireFree(replace)
  const { draft } = target
  await refuseDraft(from, draft)
  using _ = await alone(draft)
  try {
    await removeDatabase(draft)
    await makeStoreFile(draft)
    const drawn = await draw(from, draft, { ...options, seal })
    await target.put(draft, replace)
    return { ...drawn, seal }
  } finally {
    await removeDatabase(draft)
  }
}

/** What lies there is of a restore that was stopped, and goes: nothing that somebody calls a backup. */
async function refuseDraft(from: string, draft: string): Promise<void> {
  const [one, other] = await Promise.all(
    [from, draft].map((path) => lstat(path, { bigint: true }).catch(() => null)),
  )
  if (!one || !other || one.ino !== other.ino || one.dev !== other.dev) return
  throw new DirectError(
    'FILE_UNREADABLE',
    `${from} is where a restore makes its backup ready, and removes what lies there`,
    {
      hint: 'If it is a backup, give it another name. If a restore was stopped, it is what that left: name the backup itself.',
    },
  )
}

/** The backup as a store of today, all of it in one file. */
async function draw(from: string, draft: string, options: Drawing): Promise<Omit<RestoredStore, 'seal'>> {
  const { evenDamaged = false } = options
  try {
    await copyPages(from, draft)
    requireTables(draft, from)
    // Before anything is read by them.
    const mended = evenDamaged ? await mendIndexes(draft) : []
    const { version, newest } = inOneFile(draft)
    const damage = await bringUp(draft, from, { ...options, version, newest, mended })
    inOneFile(draft)
    return { version, newest, damage }
  } catch (error) {
    if (!(error instanceof DirectError && error.code === 'STORE_DAMAGED')) throw error
    // What SQLite says of its pages is said of the draft.
    const why = error.cause instanceof Error ? error.cause.message : error.message
    throw (evenDamaged ? beyond : damaged)(from, why)
  }
}

/** Of two at once, one would put in place what the other has half made. */
async function alone(draft: string): Promise<Disposable> {
  const lock = join(dirname(draft), 'restore.lock')
  await makeStoreFile(lock)
  return exclusively(lock, { what: 'restores this store', patienceMs: 0 })
}

async function targetOf(place: RestorePlace, now: () => Date, tell: Tell): Promise<Target> {
  if ('file' in place) return targetFile(place.file)
  const { targetPostgres } = await import('./target-postgres.ts')
  return targetPostgres(place.postgres, { draft: place.draft, now, tell })
}

type Restoring = RestoreOptions & { readonly now: () => Date; readonly tell: Tell }
type Drawing = Restoring & Pick<RestoredStore, 'seal'>

/** Of a backup that is there, and is one of a store of ours. */
export async function sealOf(from: string, tell: Tell): Promise<RestoredStore['seal']> {
  const found = await lstat(from).catch(() => null)
  if (found === null || !found.isFile())
    throw new DirectError(
      'FILE_UNREADABLE',
      found === null ? `there is no file ${from}` : `${from} is ${kindOf(found)}, not a file`,
      { hint: 'Name the file that "direct store backup" wrote.' },
    )
  const seal = await readSeal(from, tell)
  // It was ours, whatever it is now.
  if (seal === 'broken') return seal
  withDatabase(from, { readOnly: true }, (database) => requireStore(database, from))
  return seal === 'cut' ? 'broken' : seal
}

/** A store of ours has tables and their indexes alone: what acts by itself whenever a row is written is somebody else's. */
function requireTables(draft: string, from: string): void {
  withDatabase(draft, { readOnly: true }, (database) => {
    const [other] = database
      .prepare("select type, name from sqlite_schema where type not in ('table', 'index')")
      .all()
    if (other === undefined) return
    throw new DirectError(
      'STORE_FAILED',
      `${from} holds a ${other.type}, ${other.name}, which none of ours does`,
      {
        hint: 'Somebody has changed it: find out who could, and restore another backup.',
      },
    )
  })
}

function damaged(from: string, why: string): DirectError {
  return new DirectError('STORE_DAMAGED', `the backup ${from} is damaged: ${why}`, {
    hint: 'Nothing was changed. Restore an older backup; if there is none, --even-damaged takes this one as far as SQLite can read it.',
  })
}

/** Also where what is damaged was to be taken as it is. */
function beyond(from: string, why: string): DirectError {
  return new DirectError('STORE_DAMAGED', `the backup ${from} is damaged too far: ${why}`, {
    hint: 'Nothing was changed. --even-damaged gets over messages, values and entries of an index that are damaged, not over pages that SQLite cannot read: restore another backup.',
  })
}

/** The backup as a store of today, found whole, that sends nothing before the mailboxes were read. */
async function bringUp(
  draft: string,
  from: string,
  options: Drawing & Pick<RestoredStore, 'version' | 'newest'> & { readonly mended: readonly StoreFinding[] },
): Promise<readonly StoreFinding[]> {
  const { version, newest, seal, mended, evenDamaged, actor, now, tell } = options
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(await openDatabase(draft), draft) })
  try {
    await migrate(db, now, from)
    const damage = [...mended, ...(await damageOf(db, { now: now(), tell }))]
    const [first] = damage
    if (first !== undefined && !evenDamaged) throw new DirectError('STORE_DAMAGED', first.text)
    const isDamaged = seal === 'broken' || damage.length > 0
    const at = now()
    await inTurn(db, async (tx) => {
      await readMailboxesFirst(tx, at)
      for (const table of ['copies', 'waiting_messages'] as const)
        await tx.updateTable(table).set({ held_until: null }).execute()
      // Whoever held something was at it in another store.
      await tx.deleteFrom('leases').execute()
      await tx.updateTable('inbox_deliveries').set({ held_until: null }).execute()
      await record(tx, {
        ...OF_NO_MESSAGE,
        at,
        event: 'store-restored',
        actor,
        outcome: `version ${version}${isDamaged ? ', damaged' : ''}`,
        why: [
          {
            code: 'STORE_RESTORED',
            text: `what was known until ${newest?.toISOString() ?? 'the beginning'}`,
          },
        ],
      })
    })
    return damage
  } finally {
    await db.destroy()
  }
}
