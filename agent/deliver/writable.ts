import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What the system says against making and writing files in a folder, or against making it where it is not there; null: nothing. */
export async function whyUnwritable(folder: string): Promise<string | null> {
  const why = await refused(folder)
  return why === 'ENOENT' && dirname(folder) !== folder ? await whyUnwritable(dirname(folder)) : why
}

/** The same of a folder that has to be there. */
export async function refused(folder: string): Promise<string | null> {
  try {
    if (!(await stat(folder)).isDirectory()) return 'ENOTDIR'
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}
