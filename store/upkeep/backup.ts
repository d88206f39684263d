import { lstat, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DirectError } from '../../agent/errors.ts'
import { makeOwnFile } from '../own-file.ts'
import { storeError } from '../sqlite-dialect.ts'
import type { StoreBackup } from '../upkeep-types.ts'
import { copyPages } from './copy-pages.ts'

/** The store as a file by itself: 0600, complete or absent. */
export async function backup(storeFile: string, to: string): Promise<StoreBackup> {
  const file = resolve(to)
  const unfinished = `${file}.unfinished`
  try {
    await refuseAnother(file)
    await makeOwnFile(unfinished)
    await copyPages(storeFile, unfinished)
    const facts = inOneFile(unfinished)
    await rename(unfinished, file)
    await syncFolder(dirname(file))
    return { file, bytes: (await stat(file)).size, ...facts }
  } catch (error) {
    throw unwritten(error, file)
  } finally {
    await removeDatabase(unfinished)
  }
}

async function refuseAnother(file: string): Promise<void> {
  if ((await lstat(file).catch(() => null)) === null) return
  throw new DirectError('FILE_UNWRITABLE', `${file} is there already`, {
    hint: 'Name a new file, with the day in its name for example; remove old ones by yourself.',
  })
}

/** Takes a file out of WAL mode, so that nothing of it lies beside it, and says what is in it. */
export function inOneFile(file: string): Omit<StoreBackup, 'file' | 'bytes'> {
  const database = new DatabaseSync(file)
  try {
    database.exec('pragma journal_mode = delete')
    const row = database
      .prepare(
        `select (select max(version) from schema_versions) as version,
           count(*) as auditRows, max(at) as newest from audit`,
      )
      .get() as { version: number; auditRows: number; newest: number | null }
    return { ...row, newest: row.newest === null ? null : new Date(row.newest) }
  } catch (error) {
    throw storeError(error, file)
  } finally {
    database.close()
  }
}

/** With whatever SQLite laid beside it. */
export async function removeDatabase(file: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(file + suffix, { force: true })
}

/** The name, too, survives the loss of power. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function unwritten(error: unknown, file: string): unknown {
  if (error instanceof DirectError || !(error instanceof Error && 'syscall' in error)) return error
  return new DirectError(
    'FILE_UNWRITABLE',
    `cannot write ${file}: ${(error as NodeJS.ErrnoException).code}`,
    {
      hint: 'Name a file in a folder that is there and that this user may write to.',
      cause: error,
    },
  )
}
