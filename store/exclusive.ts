import { DatabaseSync } from 'node:sqlite'
import { DirectError } from '../agent/errors.ts'
import { isBusy, storeError } from './sqlite/errors.ts'
import { adviceOn, isOfDisk, makeOwnFile } from './sqlite/own-file.ts'
import { type Wait, waitUntilOurs } from './wait-until-ours.ts'

/** Between two looks at whether the other one has finished, in milliseconds. */
const LOOK_MS = 50

/**
 * Holds `file` for this caller alone, among all processes, until disposed of; the system lets go of it when the process
 * dies, however that happens. Waits up to `patienceMs` for whoever holds it. The file stays, empty: only its lock, which
 * is SQLite's own, says anything. Throws DirectError `STORE_FAILED` (temporary) when it is held all that time,
 * `ABORTED`, `FILE_UNWRITABLE`.
 */
export async function exclusively(file: string, wait: Wait): Promise<Disposable> {
  await makeFile(file)
  const database = opened(file)
  try {
    await waitUntilOurs(() => begun(database, file), LOOK_MS, wait)
  } catch (error) {
    database.close()
    throw error
  }
  return { [Symbol.dispose]: () => database.close() }
}

function opened(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: 0 })
  } catch (error) {
    throw storeError(error, file)
  }
}

function begun(database: DatabaseSync, file: string): boolean {
  try {
    // No journal on the disk: a full one must not be in the way of what only reads.
    database.exec('pragma journal_mode = memory')
    database.exec('begin exclusive')
    return true
  } catch (error) {
    if (isBusy(error)) return false
    throw storeError(error, file)
  }
}

async function makeFile(file: string): Promise<void> {
  try {
    await makeOwnFile(file)
  } catch (cause) {
    if (cause instanceof DirectError) throw cause
    throw new DirectError(
      'FILE_UNWRITABLE',
      `cannot write ${file}: ${(cause as NodeJS.ErrnoException).code}`,
      {
        hint: adviceOn(cause, 'Let the user that runs direct-agent own dataDir, or name another one.'),
        temporary: isOfDisk(cause),
        cause,
      },
    )
  }
}
