import { constants } from 'node:fs'
import { access, lstat, open } from 'node:fs/promises'
import { DirectError } from '../agent/errors.ts'

/**
 * Makes a file of our own, empty and 0600, where none is; SQLite would make it with the mode that the umask leaves. What
 * else lies there is refused: whoever opens a named pipe may wait for ever, and a link would have us write elsewhere; the
 * folder may be one. Throws DirectError `FILE_UNWRITABLE`, and system errors.
 */
export async function makeOwnFile(path: string): Promise<void> {
  // Where nothing is, or nothing can be seen, opening it tells.
  const found = await lstat(path).catch(() => null)
  if (found !== null && !found.isFile())
    throw new DirectError('FILE_UNWRITABLE', `${path} is ${kindOf(found)}, not a file`, {
      hint: 'See who put it there, move it away and try again: direct-agent makes a file of its own.',
    })
  // Whoever opens a file that SQLite has open in this process, and closes it, ends all of this process's locks on it
  // (sqlite.org/howtocorrupt.html, 2.2).
  if (found !== null) return await access(path, constants.R_OK | constants.W_OK)
  const { O_RDWR, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = constants
  await (await open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_NOFOLLOW, 0o600)).close()
}

/** Whether the disk failed or is full, which passes, and is no reason to stay away for good. */
export function isOfDisk(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO'
}

function kindOf(found: Awaited<ReturnType<typeof lstat>>): string {
  if (found.isSymbolicLink()) return 'a symbolic link'
  if (found.isDirectory()) return 'a folder'
  if (found.isFIFO()) return 'a named pipe'
  return found.isSocket() ? 'a socket' : 'a device'
}
