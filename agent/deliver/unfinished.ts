import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DurableFiles, exists } from '../durable-file.ts'
import { lent, type Source } from '../smime/source.ts'
import { type FiledPart, fileParts } from './filed-parts.ts'
import { type Filing, jsonBytes, moveFiling } from './filing.ts'
import { RENAMING, removeAside, removeEmpty } from './leftovers.ts'

/** In a try, and in what it is claimed as: the message; */
const MESSAGE = 'message'
/** and what keeps the claim when that has been renamed: an empty folder, of the name that the message is described by. */
const KEEPER = /^[0-9a-f]{64}(-[0-9a-f]{16})?$/

/** `got`: the EHR has got it; `whole`: it is complete. `as`: the name that it is described by; null: it does not say. */
export type Progress =
  | { readonly state: 'none' }
  | { readonly state: 'got' | 'whole'; readonly as: string | null }

/**
 * One delivery of a message on its way into a folder of the EHR, beside it, under names that begin with a dot. Several
 * processes may be at it, each may stop anywhere, and go on later:
 *
 * - `.<sha256>.<delivery>/<random>` is a try, one process's own;
 * - `.<sha256>.<delivery>.renaming` is the first try that was complete, made that by a rename, which no other can take the
 *   place of. Whoever finds the message in it goes on with that one; where it is gone from it, the EHR has got it, and may
 *   have taken it away. It goes when the store knows. One that a kill leaves right behind that stays, and is empty: whether
 *   it is still needed only the store of whoever made it could tell, and agents with stores of their own may file into one
 *   folder. What one of them took away too early another would file twice.
 */
export class Unfinished {
  readonly #tries: string
  readonly #claimed: string

  constructor(dir: string, sha256: string, delivery: string) {
    this.#tries = join(dir, `.${sha256}.${delivery}`)
    this.#claimed = `${this.#tries}${RENAMING}`
  }

  /** How far any process has come. */
  async progress(): Promise<Progress> {
    const claimed = await namesIn(this.#claimed)
    if (claimed === 'absent') return { state: 'none' }
    if (claimed === 'file') return await this.#progressOfOlder()
    const as = claimed.find((name) => KEEPER.test(name)) ?? null
    if (!claimed.includes(MESSAGE)) return { state: 'got', as }
    // Nobody needs one any more.
    await removeAside(this.#tries)
    return { state: 'whole', as }
  }

  /** Of a direct-agent that left an empty file beside the message that it was about to rename. */
  async #progressOfOlder(): Promise<Progress> {
    if (!(await exists(this.#tries))) return { state: 'got', as: null }
    await rm(this.#claimed)
    return { state: 'none' }
  }

  /** Makes it complete, all of it on the disk but its name, described as `as`, unless another process is faster. */
  async write(
    inner: Source,
    as: string,
    describe: (parts: readonly FiledPart[]) => Filing,
  ): Promise<Progress> {
    const own = join(this.#tries, randomBytes(6).toString('hex'))
    let isOurs: boolean
    try {
      await writeTry(own, inner, as, describe)
      isOurs = await renameUnlessThere(own, this.#claimed)
    } catch (error) {
      await rm(own, { recursive: true, force: true })
      await removeEmpty(this.#tries)
      throw error
    }
    await removeAside(this.#tries)
    return isOurs ? { state: 'whole', as } : await this.progress()
  }

  /**
   * What is complete is described by `folder` from now on: since it was written, that of another author has got its name, or
   * gone from there. Throws ENOENT: it is not there any more.
   */
  async describeAs(folder: string, as: string | null): Promise<void> {
    await moveFiling(join(this.#claimed, MESSAGE), folder)
    const keeper = join(this.#claimed, basename(folder))
    if (as === null) await mkdir(keeper, { mode: 0o700 })
    else await rename(join(this.#claimed, as), keeper)
  }

  /** The last rename. Throws ENOENT: it is not there any more; ENOTEMPTY or EEXIST: there is such a folder. */
  async appear(folder: string): Promise<void> {
    await rename(join(this.#claimed, MESSAGE), folder)
  }

  async isClaimed(): Promise<boolean> {
    return await exists(this.#claimed)
  }

  /** Its recipients are in a folder that was there, or the store knows what became of it. */
  async drop(): Promise<void> {
    await removeAside(this.#tries)
    await removeAside(join(this.#claimed, MESSAGE))
  }

  /** The store knows where it is. */
  async recorded(): Promise<void> {
    await rm(this.#claimed, { recursive: true, force: true })
  }
}

async function writeTry(
  folder: string,
  inner: Source,
  as: string,
  describe: (parts: readonly FiledPart[]) => Filing,
): Promise<void> {
  const message = join(folder, MESSAGE)
  const attachments = join(message, 'attachments')
  await mkdir(attachments, { recursive: true, mode: 0o700 })
  await mkdir(join(folder, as), { mode: 0o700 })
  await using files = new DurableFiles()
  await files.folder(folder)
  await files.write(join(message, 'message.eml'), lent(inner))
  const parts = await fileParts(inner, message, files)
  await files.write(join(message, 'delivery.json'), [jsonBytes(describe(parts))])
  await files.folder(attachments)
  await files.folder(message)
  await files.done()
}

async function namesIn(folder: string): Promise<readonly string[] | 'absent' | 'file'> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'absent'
    // Not where it is a folder above it that is none.
    if (code === 'ENOTDIR' && (await stat(folder)).isFile()) return 'file'
    throw error
  }
}

/** False: there is one already, which is the same. */
async function renameUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    return false
  }
}
