import { DatabaseSync } from 'node:sqlite'
import { DirectError } from '../../agent/errors.ts'
import { storeError } from '../sqlite/errors.ts'
import { isAlone, requireStore } from '../sqlite/file.ts'
import { makeStoreFile } from '../sqlite/store-file.ts'
import { copyPages } from './copy-pages.ts'
import { notEmpty, open, type Target } from './target.ts'

/** For a command that is just passing by. */
const PASSING_BY_MS = 2_000

/** The store in a file, which SQLite's own backup makes another in one transaction. */
export async function targetFile(file: string): Promise<Target> {
  await makeStoreFile(file)
  return {
    draft: `${file}.restoring`,
    requireFree: (replace) => overDamage(file, async () => requireFree(file, replace)),
    put: (draft, replace) =>
      overDamage(file, async () => {
        requireFree(file, replace)
        await copyPages(draft, file)
      }),
    async [Symbol.asyncDispose]() {},
  }
}

/**
 * SQLite puts one file in the place of another by the pages of both. Where it cannot make out those that were there, it does
 * not know either who has them open: nobody but the operator can take them away.
 */
async function overDamage(file: string, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof DirectError && error.code === 'STORE_DAMAGED')) throw error
    throw new DirectError('STORE_DAMAGED', `${error.message}, so far that nothing can be put in its place`, {
      hint: `Stop the daemon, and whatever else uses this store. Move ${file} away, and what lies beside it as ${file}-wal and ${file}-shm, and restore again.`,
      cause: error,
    })
  }
}

/** Nobody has it open, and nothing is lost that nobody gave up. */
function requireFree(file: string, replace: boolean): void {
  withDatabase(file, { timeout: PASSING_BY_MS }, (database) => {
    if (!replace && !isEmpty(database, file)) throw notEmpty(`the store ${file}`)
    if (!isAlone(database, file)) throw open(`the store ${file}`)
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

/** Closed whatever comes. */
export function withDatabase(
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
