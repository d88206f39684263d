import { constants } from 'node:fs'
import { access, lstat, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DirectError } from '../../agent/errors.ts'

/**
 * Makes a file of our own, empty and 0600, where none is; SQLite would make it with the mode that the umask leaves. What
 * else lies there is refused: whoever opens a named pipe may wait for ever, and a link would have us write elsewhere; the
 * folder may be one. Throws DirectError `FILE_UNWRITABLE`, and system errors.
 */
export async function makeOwnFile(path: string): Promise<void> {
  // Whoever opens a file that SQLite has open in this process, and closes it, ends all of this process's locks on it
  // (sqlite.org/howtocorrupt.html, 2.2).
  if (await isFileIfAny(path)) return await access(path, constants.R_OK | constants.W_OK)
  const { O_RDWR, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = constants
  await (await open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_NOFOLLOW, 0o600)).close()
}

/** Whether a file is there. Where nothing is, or nothing can be seen, opening it tells. Throws DirectError `FILE_UNWRITABLE`: it is none. */
export async function isFileIfAny(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null)
  if (found === null || found.isFile()) return found !== null
  throw new DirectError('FILE_UNWRITABLE', `${path} is ${kindOf(found)}, not a file`, {
    hint: 'See who put it there, move it away and try again: direct-agent makes a file of its own.',
  })
}

/** Makes a folder, 0700, and what is missing above it. By itself Node says ENOENT where the file system is read-only. */
export async function makeOwnFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeOwnFolder(dirname(path))
    await mkdir(path, { recursive: true, mode: 0o700 })
  }
}

/** Whether the disk failed or is full, which passes, and is no reason to stay away for good. */
export function isOfDisk(error: unknown): boolean {
  return OF_DISK.has(codeOf(error))
}

/** What to do, by what the system said against making or opening a file of ours; `otherwise` where it is owner and mode. */
export function adviceOn(error: unknown, otherwise: string): string {
  const code = codeOf(error)
  if (OF_DISK.has(code)) return 'Make room on the disk, or look after it.'
  return code === 'EROFS' ? READ_ONLY : otherwise
}

const OF_DISK: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EIO'])

/** By a disk that failed, which the system's log tells, or by the unit of a service, and whoever owns the folder is beside the point. */
export const READ_ONLY =
  'Its file system is read-only here: mount it for writing, or name a folder that a service may write to; docs/direct.service has them in /var/lib/direct-agent.'

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}

/** What is no file, in words. */
export function kindOf(found: Awaited<ReturnType<typeof lstat>>): string {
  if (found.isSymbolicLink()) return 'a symbolic link'
  if (found.isDirectory()) return 'a folder'
  if (found.isFIFO()) return 'a named pipe'
  return found.isSocket() ? 'a socket' : 'a device'
}
