import { lstat } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import { OF_NO_MESSAGE, record } from '../audit.ts'
import { migrate } from '../migrate.ts'
import { makeOwnFile } from '../own-file.ts'
import type { Schema } from '../schema.ts'
import { isAlone, NodeSqliteDialect, openDatabase, requireStore, storeError } from '../sqlite-dialect.ts'
import { makeStoreFile } from '../store-file.ts'
import { inTurn } from '../turn.ts'
import type { RestoredStore, RestoreOptions } from '../upkeep-types.ts'
import { inOneFile, removeDatabase } from './backup.ts'
import { damageOf } from './check.ts'
import { copyPages } from './copy-pages.ts'

/** What was due at the backup may have gone since: the receipts in the mailboxes, which tell, are read first. */
const READ_FIRST_MS = 5 * 60_000
/** For a command that is just passing by. */
const PASSING_BY_MS = 2_000

/**
 * Makes `file` what the backup `from` is, brought to the newest schema, in one transaction at the very end: a stop at
 * any point leaves the old store or the new one.
 */
export async function restore(
  from: string,
  file: string,
  { replace = false, actor, now }: RestoreOptions & { readonly now: () => Date },
): Promise<RestoredStore> {
  await requireBackup(from)
  await makeStoreFile(file)
  requireFree(file, replace)
  const draft = `${file}.restoring`
  try {
    await removeDatabase(draft)
    await makeOwnFile(draft)
    await copyPages(from, draft)
    const { version, newest } = inOneFile(draft)
    await bringUp(draft, from, { version, newest }, actor, now)
    inOneFile(draft)
    requireFree(file, replace)
    await copyPages(draft, file)
    return { version, newest }
  } finally {
    await removeDatabase(draft)
  }
}

async function requireBackup(from: string): Promise<void> {
  const found = await lstat(from).catch(() => null)
  if (found === null || !found.isFile())
    throw new DirectError('FILE_UNREADABLE', `there is no file ${from}`, {
      hint: 'Name the file that "direct store backup" wrote.',
    })
  withDatabase(from, { readOnly: true }, (database) => requireStore(database, from))
}

/** Nobody has it open, and nothing is lost that nobody gave up. */
function requireFree(file: string, replace: boolean): void {
  withDatabase(file, { timeout: PASSING_BY_MS }, (database) => {
    if (!replace && !isEmpty(database, file))
      throw new DirectError('STORE_FAILED', `the store ${file} is not empty`, {
        hint: 'Restoring gives up what it holds. If you want that, back it up first, and add --replace.',
      })
    if (!isAlone(database, file))
      throw new DirectError('STORE_FAILED', `another process has the store ${file} open`, {
        hint: 'Stop the daemon, and whatever else uses this dataDir, and try again.',
        temporary: true,
      })
  })
}

/** Whatever matters is audited, or stands in the ledger of a mailbox. */
function isEmpty(database: DatabaseSync, file: string): boolean {
  const row = (query: string) => database.prepare(query).get() ?? {}
  if (Object.values(row('select count(*) from sqlite_schema'))[0] === 0) return true
  requireStore(database, file)
  const known = row('select exists (select 1 from audit) or exists (select 1 from inbox_entries)')
  return Object.values(known)[0] === 0
}

/** The backup as a store of today, found whole, that sends nothing before the mailboxes were read. */
async function bringUp(
  draft: string,
  from: string,
  { version, newest }: RestoredStore,
  actor: string,
  now: () => Date,
): Promise<void> {
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(openDatabase(draft), draft) })
  try {
    await migrate(db, now, from)
    const damage = await damageOf(db)
    if (damage !== null)
      throw new DirectError('STORE_DAMAGED', `the backup ${from} is damaged: ${damage.text}`, {
        hint: 'Nothing was changed. Restore an older backup.',
      })
    const at = now()
    const earliest = at.getTime() + READ_FIRST_MS
    await inTurn(db, async (tx) => {
      for (const table of ['copies', 'waiting_messages'] as const) {
        await tx.updateTable(table).set({ next_at: earliest }).where('next_at', '<', earliest).execute()
        await tx.updateTable(table).set({ held_until: null }).execute()
      }
      await record(tx, {
        ...OF_NO_MESSAGE,
        at,
        event: 'store-restored',
        actor,
        outcome: `version ${version}`,
        why: [
          {
            code: 'STORE_RESTORED',
            text: `what was known until ${newest?.toISOString() ?? 'the beginning'}`,
          },
        ],
      })
    })
  } finally {
    await db.destroy()
  }
}

function withDatabase(
  file: string,
  options: ConstructorParameters<typeof DatabaseSync>[1],
  act: (database: DatabaseSync) => void,
): void {
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(file, options)
    act(database)
  } catch (error) {
    throw storeError(error, file)
  } finally {
    database?.close()
  }
}
