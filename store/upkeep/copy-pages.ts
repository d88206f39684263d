import { backup, DatabaseSync } from 'node:sqlite'
import { DirectError } from '../../agent/errors.ts'
import { storeError } from '../sqlite/errors.ts'

/** All pages in one step, which reads as of one moment: in several it would begin anew whenever others write. */
const AT_ONCE = { rate: 2 ** 31 - 1 }

/**
 * Makes `to`, a SQLite file of whatever content, what `from` is, in one transaction: whole, or untouched. On another
 * thread, and by connections of its own: who writes to `from` meanwhile does not wait. Throws DirectError
 * `STORE_FAILED`, temporary where somebody holds `to`.
 */
export async function copyPages(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true })
  try {
    await backup(source, to, AT_ONCE)
  } catch (error) {
    if (!isUnsaid(error)) throw storeError(error, to)
    throw new DirectError('STORE_FAILED', `another process holds ${to}`, {
      hint: 'Stop the daemon and try again.',
      temporary: true,
      cause: error,
    })
  } finally {
    source.close()
  }
}

/** A lock on the file that is written leaves no code behind: SQLite's backup keeps that to itself. */
function isUnsaid(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 0
}
