import { chmod, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DirectError } from '../../agent/errors.ts'
import { adviceOn, isOfDisk, makeOwnFile, makeOwnFolder } from './own-file.ts'

/** The file, empty, with its folder, where they are missing. Throws DirectError `FILE_UNWRITABLE`. */
export async function makeStoreFile(file: string): Promise<void> {
  await reporting(file, async () => {
    await makeOwnFolder(dirname(file))
    await makeOwnFile(file)
  })
}

/** Once the file is known to be ours; from then on SQLite gives its mode to every -wal and -shm that it makes. */
export async function closeToOthers(file: string): Promise<void> {
  await reporting(file, () => closeFiles(file))
}

async function closeFiles(file: string): Promise<void> {
  for (const name of [file, `${file}-wal`, `${file}-shm`]) await chmod(name, 0o600)
  // A folder that belongs to someone else, or to everyone (sticky), is not ours to close; its files are closed.
  const folder = dirname(file)
  const { mode, uid } = await stat(folder)
  if ((mode & 0o1077) !== 0 && (mode & 0o1000) === 0 && uid === process.getuid?.()) await chmod(folder, 0o700)
}

async function reporting(file: string, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (error instanceof DirectError) throw error
    const said = error instanceof Error ? error.message : String(error)
    throw new DirectError('FILE_UNWRITABLE', `the store ${file} cannot be opened: ${said}`, {
      hint: adviceOn(
        error,
        `Let the user that runs direct-agent own the folder ${dirname(file)}, or name another dataDir.`,
      ),
      temporary: isOfDisk(error),
      cause: error,
    })
  }
}
