import { chmod, lstat, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import { makeOwnFile } from '../own-file.ts'
import type { Schema } from '../schema.ts'
import { NodeSqliteDialect, storeError } from '../sqlite-dialect.ts'
import type { StoreBackup } from '../upkeep-types.ts'
import { type CheckOptions, damageOf } from './check.ts'
import { sealFile } from './seal.ts'

/** The store as a file by itself, by what copies it: 0600, complete or absent, read anew and sealed. */
export async function backup(
  copy: (to: string) => Promise<void>,
  to: string,
  options: CheckOptions,
): Promise<StoreBackup> {
  const file = resolve(to)
  const unfinished = `${file}.unfinished`
  try {
    await refuseAnother(file)
    await makeOwnFile(unfinished)
    // One that lay there is ours, and nobody else's, or is refused.
    await chmod(unfinished, 0o600)
    await copy(unfinished)
    const facts = inOneFile(unfinished)
    const damage = await reading(unfinished, (db) => damageOf(db, options))
    if (damage.some(({ code }) => code === 'PAGES_DAMAGED'))
      throw new DirectError('STORE_DAMAGED', `the store is damaged: ${damage[0]?.text}`, {
        hint: 'There is no backup of it. Take a copy of the folder, and restore an older one (direct store restore).',
      })
    const sha256 = await sealFile(unfinished, options.tell)
    await rename(unfinished, file)
    await syncFolder(dirname(file))
    return { file, bytes: (await stat(file)).size, sha256, damage, ...facts }
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
export function inOneFile(file: string): Pick<StoreBackup, 'version' | 'auditRows' | 'newest'> {
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

/** A store in one file, which is not changed by it. */
export async function reading<T>(file: string, act: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
  const db = new Kysely<Schema>({
    dialect: new NodeSqliteDialect(new DatabaseSync(file, { readOnly: true }), file),
  })
  try {
    return await act(db)
  } finally {
    await db.destroy()
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
