import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { exists, syncFolder, writeDurably } from '../durable-file.ts'
import { type Filing, jsonBytes } from './filing.ts'
import { ADDING, removeAside } from './leftovers.ts'

/** What `delivery.json` is to be; */
const FILING = 'delivery.json'

/**
 * Recipients on their way into a folder that the EHR has for others. `.<sha256>.<delivery>.adding` holds what its
 * `delivery.json` is to be until a rename puts that in place, and an empty folder of the same name as that of the message:
 * where the first is gone from it, they were added, and the EHR may have taken the message away since. It goes when the
 * store knows.
 */
export class Addition {
  readonly #adding: string
  /** Whether there is anything to take away in the end. */
  #isThere = false

  constructor(dir: string, sha256: string, delivery: string) {
    this.#adding = join(dir, `.${sha256}.${delivery}${ADDING}`)
  }

  /** The name of the folder that they were added to, which is on the disk; null: they were not yet. */
  async addedTo(): Promise<string | null> {
    this.#isThere = await exists(this.#adding)
    if (!this.#isThere) return null
    const names = await readdir(this.#adding)
    const [name] = names
    if (name === undefined || names.includes(FILING)) return null
    await syncFolder(this.#adding)
    return name
  }

  /** One at a time, of all processes. Throws ENOENT: the EHR took the folder meanwhile. */
  async add(folder: string, filing: Filing): Promise<void> {
    // What a stop left, for a folder as it was then.
    await removeAside(this.#adding)
    const draft = `${this.#adding}.${randomBytes(6).toString('hex')}`
    await mkdir(join(draft, basename(folder)), { recursive: true, mode: 0o700 })
    await writeDurably(join(draft, FILING), [jsonBytes(filing)])
    await syncFolder(draft)
    await rename(draft, this.#adding)
    this.#isThere = true
    await rename(join(this.#adding, FILING), join(folder, FILING))
    await syncFolder(this.#adding)
  }

  /** The store knows where they are. */
  async recorded(): Promise<void> {
    if (this.#isThere) await rm(this.#adding, { recursive: true, force: true })
  }
}
