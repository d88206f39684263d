import { randomBytes } from 'node:crypto'
import { link, lstat, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { DirectError } from '../../agent/errors.ts'
import type { Schema } from '../schema.ts'
import { NodeSqliteDialect } from '../sqlite/dialect.ts'
import { storeError } from '../sqlite/errors.ts'
import { adviceOn, makeOwnFile } from '../sqlite/own-file.ts'
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
  // Its own: another backup may be under way to the same name.
  const unfinished = `${file}.${randomBytes(6).toString('hex')}.unfinished`
  try {
    await refuseAnother(file)
    await makeOwnFile(unfinished)
    await copy(unfinished)
    const facts = inOneFile(unfinished)
    const damage = await reading(unfinished, (db) => damageOf(db, options))
    if (damage.some(({ code }) => code === 'PAGES_DAMAGED'))
      throw new DirectError('STORE_DAMAGED', `the store is damaged: ${damage[0]?.text}`, {
        hint: 'There is no backup of it. Take a copy of the folder, and restore an older one (direct store restore).',
      })
    const sha256 = await sealFile(unfinished, options.tell)
    await putInPlace(unfinished, file)
    return { file, bytes: (await stat(file)).size, sha256, damage, ...facts }
  } catch (error) {
    throw unwritten(error, file)
  } finally {
    await removeDatabase(unfinished)
  }
}

async function refuseAnother(file: string): Promise<void> {
  if ((await lstat(file).catch(() => null)) !== null) throw isThere(file)
}

function isThere(file: string): DirectError {
  return new DirectError('FILE_UNWRITABLE', `${file} is there already`, {
    hint: 'Name a new file, with the day in its name for example; remove old ones by yourself.',
  })
}

/** What a file system says that has no links. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'])

/** Under its name, which outlasts a loss of power, and in nobody's place: a rename would take that of another backup. */
async function putInPlace(unfinished: string, file: string): Promise<void> {
  try {
    await link(unfinished, file)
    await rm(unfinished)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw isThere(file)
    if (!NO_LINKS.has(code)) throw error
    await refuseAnother(file)
    await rename(unfinished, file)
  }
  await using folder = await open(dirname(file), 'r')
  await folder.sync()
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
    const newest = new Date(row.newest ?? Number.NaN)
    // What a disk that failed made of it may be no time.
    return { ...row, newest: Number.isNaN(newest.getTime()) ? null : newest }
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

/** With whatever SQLite laid beside it. Throws DirectError `FILE_UNWRITABLE`. */
export async function removeDatabase(file: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal'])
    await rm(file + suffix, { force: true }).catch((error) => {
      throw unwritten(error, file)
    })
}

function unwritten(error: unknown, file: string): unknown {
  if (error instanceof DirectError || !(error instanceof Error && 'syscall' in error)) return error
  return new DirectError(
    'FILE_UNWRITABLE',
    `cannot write ${file}: ${(error as NodeJS.ErrnoException).code}`,
    {
      hint: adviceOn(error, 'Name a file in a folder that is there and that this user may write to.'),
      cause: error,
    },
  )
}
