import { randomBytes } from 'node:crypto'
import { readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'

/** What the name ends with of what is about to be renamed, or was. */
export const RENAMING = '.renaming'
/** And of what says which recipients were added, or are about to be. */
export const ADDING = '.adding'

/**
 * What stops left unfinished in a folder of the EHR. It is looked for once, and after each failure: the folder may hold
 * thousands of messages that the EHR has yet to take.
 */
export class Leftovers {
  readonly #dir: string
  #names: Promise<readonly string[]> | null = null

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Earlier tries at one message, but for those that may be renamed at any moment. */
  async remove(sha256: string): Promise<void> {
    this.#names ??= this.#list()
    const names = (await this.#names).filter((name) => name.startsWith(`.${sha256}.`))
    for (const name of names)
      if (!name.endsWith(RENAMING) && !name.endsWith(ADDING) && !names.includes(`${name}${RENAMING}`))
        await removeAside(join(this.#dir, name))
  }

  /** There may be more now. */
  lookAgain(): void {
    this.#names = null
  }

  async #list(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#dir)).filter((name) => name.startsWith('.'))
    } catch (error) {
      this.#names = null
      throw error
    }
  }
}

/**
 * A folder and all in it, under another name first: whoever is still writing to it then knows at once, and makes nothing
 * complete of what is left of it.
 */
export async function removeAside(folder: string): Promise<void> {
  if (await removeEmpty(folder)) return
  const aside = `${folder}.${randomBytes(6).toString('hex')}`
  await rename(folder, aside)
  await rm(aside, { recursive: true, force: true })
}

/** False: there is something in it. */
export async function removeEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder)
    return true
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return true
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(code)) return false
    throw error
  }
}
