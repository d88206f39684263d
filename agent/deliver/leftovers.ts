import { createHash, randomBytes } from 'node:crypto'
import { readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'

/** What the name of a claim ends with. */
export const CLAIM = '.claim'
/** What the name of a folder ends with that names the deliveries of a message which are about to be added to a folder. */
export const ADDING = '.adding'

/** Of a delivery of a message: a try, a claim, what is being removed, or that it is about to be added to a folder. */
const NAME = /^\.([0-9a-f]{64})\.(?:adding\/)?([0-9a-f]+)(\.|$)/
/** Messages that the store is asked about at a time. */
const ASKED = 500

/** Names a delivery among those of its message, by the key that the store knows it by. */
export function deliveryName(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 12)
}

/** Of these messages, the keys of the deliveries that have their outcome, as the store knows it. */
export type SettledKeys = (innerSha256s: readonly string[]) => Promise<readonly string[]>

/**
 * What kills left in a folder of the EHR. It is looked for once, and after each failure: the folder may hold thousands of
 * messages that the EHR has yet to take. What the store does not know may be that of a direct-agent with another store.
 */
export class Leftovers {
  readonly #dir: string
  readonly #settledKeys: SettledKeys
  #looked: Promise<Set<Left>> | null = null

  constructor(dir: string, settledKeys: SettledKeys) {
    this.#dir = dir
    this.#settledKeys = settledKeys
  }

  /**
   * Of a delivery that is settled now, and, the first time, of all that are. Nobody needs it any more: whoever is still at
   * one is told so.
   */
  async remove(sha256: string, delivery: string): Promise<void> {
    this.#looked ??= this.#look()
    await this.#removeThose((one) => one.sha256 === sha256 && one.delivery === delivery, await this.#looked)
  }

  /** There may be more now. */
  lookAgain(): void {
    this.#looked = null
  }

  /** What is left of deliveries that are not settled yet. */
  async #look(): Promise<Set<Left>> {
    const left = new Set(await leftIn(this.#dir))
    const messages = [...new Set([...left].map(({ sha256 }) => sha256))]
    const settled = new Set<string>()
    for (let from = 0; from < messages.length; from += ASKED)
      for (const key of await this.#settledKeys(messages.slice(from, from + ASKED)))
        settled.add(deliveryName(key))
    await this.#removeThose(({ delivery }) => settled.has(delivery), left)
    return left
  }

  async #removeThose(are: (one: Left) => boolean, left: Set<Left>): Promise<void> {
    for (const one of [...left].filter(are)) {
      left.delete(one)
      const { name, sha256, delivery } = one
      const adding = join(this.#dir, `.${sha256}${ADDING}`)
      await removeEmpty(join(adding, delivery))
      await removeEmpty(adding)
      await removeAside(join(this.#dir, name))
    }
  }
}

/** All that is on its way in a folder of the EHR, or was left of that. */
export async function leftIn(dir: string): Promise<readonly Left[]> {
  const left: Left[] = []
  for (const name of await readdir(dir)) {
    const announced = name.endsWith(ADDING) ? await readdir(join(dir, name)) : []
    for (const one of [name, ...announced.map((delivery) => `${name}/${delivery}`)]) {
      const [, sha256, delivery] = NAME.exec(one) ?? []
      if (sha256 !== undefined && delivery !== undefined) left.push({ name: one, sha256, delivery })
    }
  }
  return left
}

/** What is left, and of which delivery of which message. */
interface Left {
  readonly name: string
  readonly sha256: string
  readonly delivery: string
}

/**
 * A folder and all in it, under another name first: whoever is still writing to it then knows at once, and makes nothing
 * complete of what is left of it.
 */
export async function removeAside(folder: string): Promise<void> {
  if (await removeEmpty(folder)) return
  const aside = `${folder}.${randomBytes(6).toString('hex')}`
  try {
    await rename(folder, aside)
  } catch (error) {
    // Another process has just done so.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
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
