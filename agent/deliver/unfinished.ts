import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DurableFiles, exists } from '../durable-file.ts'
import { lent, type Source } from '../smime/source.ts'
import { type FiledPart, fileParts } from './filed-parts.ts'
import { type Filing, jsonBytes } from './filing.ts'
import { RENAMING, removeAside, removeEmpty, WHOLE } from './leftovers.ts'

/**
 * One delivery of a message on its way into a folder of the EHR, beside it, under names that begin with a dot. Several
 * processes may be at it, and each may stop anywhere:
 *
 * - `.<sha256>.<delivery>/<random>` is a try, one process's own;
 * - `.<sha256>.<delivery>.whole` is the message complete, whoever wrote it: whoever finds it goes on with it, and nobody
 *   removes it but by its last rename, or once its recipients stand in a folder that was there;
 * - `.<sha256>.<delivery>.renaming`, empty, says that it is about to be renamed: where this is and that is not, the EHR has
 *   got the message, and may have taken it away.
 */
export class Unfinished {
  readonly #tries: string
  readonly #whole: string
  readonly #renaming: string

  constructor(dir: string, sha256: string, delivery: string) {
    this.#tries = join(dir, `.${sha256}.${delivery}`)
    this.#whole = `${this.#tries}${WHOLE}`
    this.#renaming = `${this.#tries}${RENAMING}`
  }

  /** Whether the EHR has got it, from a process that stopped before it recorded that, or is about to. */
  async wasRenamed(own: string | null = null): Promise<boolean> {
    if (!(await exists(this.#renaming)) || (await exists(this.#whole))) return false
    // A loss of power may have left the one name, and not the other.
    return (await this.#listTries()).every((name) => name === own)
  }

  /** Writes it, all of it on the disk, unless somebody has. False: the EHR has got it meanwhile. */
  async write(inner: Source, describe: (parts: readonly FiledPart[]) => Filing): Promise<boolean> {
    if (await exists(this.#whole)) {
      // A stop may have left what it was made of.
      await removeAside(this.#tries)
      return true
    }
    const name = randomBytes(6).toString('hex')
    const own = join(this.#tries, name)
    try {
      await writeTry(own, inner, describe)
      const isOver = await this.wasRenamed(name)
      if (!isOver) await renameUnlessThere(own, this.#whole)
      await removeAside(this.#tries)
      return !isOver
    } catch (error) {
      await rm(own, { recursive: true, force: true })
      await removeEmpty(this.#tries)
      throw error
    }
  }

  /** What is said before the last rename; durable with the folder that it lies in. */
  async announce(): Promise<void> {
    try {
      // Its name is all that it says.
      await (await open(this.#renaming, 'wx', 0o600)).close()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }

  /** The last rename. Throws ENOENT: it is not there any more; ENOTEMPTY or EEXIST: there is such a folder. */
  async appear(folder: string): Promise<void> {
    await rename(this.#whole, folder)
  }

  /** Its recipients are in a folder that was there, or the store knows what became of it. */
  async drop(): Promise<void> {
    await removeAside(this.#tries)
    await rm(this.#whole, { recursive: true, force: true })
  }

  /** The store knows where it is. */
  async recorded(): Promise<void> {
    await rm(this.#renaming, { force: true })
  }

  async isAnnounced(): Promise<boolean> {
    return await exists(this.#renaming)
  }

  async #listTries(): Promise<readonly string[]> {
    try {
      return await readdir(this.#tries)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }
}

async function writeTry(
  folder: string,
  inner: Source,
  describe: (parts: readonly FiledPart[]) => Filing,
): Promise<void> {
  const attachments = join(folder, 'attachments')
  await mkdir(attachments, { recursive: true, mode: 0o700 })
  await using files = new DurableFiles()
  await files.write(join(folder, 'message.eml'), lent(inner))
  const parts = await fileParts(inner, folder, files)
  await files.write(join(folder, 'delivery.json'), [jsonBytes(describe(parts))])
  await files.folder(attachments)
  await files.folder(folder)
  await files.done()
}

/** Where it is, another process was faster, with the same. */
async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
  }
}
