import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What the name of an empty file ends with that says: the unfinished folder beside it is about to be renamed. */
export const RENAMING = '.renaming'

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
      if (!name.endsWith(RENAMING) && !names.includes(`${name}${RENAMING}`))
        await rm(join(this.#dir, name), { recursive: true, force: true })
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
