import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { exists, syncFolder, writeDurably } from '../files/durable-file.ts'
import type { Source } from '../smime/source.ts'
import { FILING, MESSAGE, removeTry, writeTry } from './draft.ts'
import type { FiledPart } from './filed-parts.ts'
import { type Filing, jsonBytes, readFiling } from './filing.ts'
import { ADDING, CLAIM, removeAside, removeEmpty } from './leftovers.ts'

/** What may be done with a draft: filed as the folder that it is described by; put into that one, which is there; or nothing, */
const FILE = '.'
const ADD = '+'
/** but by whoever gave it this name, and describes it anew. */
const HELD = '~'
/** The folder that it was described by last, which of these, and what no other draft is called. */
const NAME = /^([0-9a-f]{64}(?:-[0-9a-f]{16})?)([.+~])[0-9a-f]{12}$/

/** How far a delivery has come: nobody has claimed it; the EHR has got it, in the folder of that name; it has yet to. */
export type Found = { readonly state: 'none' } | Claimed
export type Claimed =
  | { readonly state: 'got'; readonly as: string }
  | { readonly state: 'whole'; readonly draft: string; readonly as: string; readonly isToFile: boolean }

/**
 * One delivery of a message on its way into a folder of the EHR, beside it, under names that begin with a dot. Several
 * processes may be at it; each may stop anywhere, for as long as it likes, and go on.
 *
 * - `.<sha256>.<delivery>/<random>` is a try, one process's own.
 * - `.<sha256>.<delivery>.claim` is the claim: the first try that was complete, made that by a rename, which no other can
 *   take the place of. It holds one folder, the draft, with the message in it, and goes when the store knows.
 *
 * The EHR gets it by one rename out of the draft: of the whole message, or of its `delivery.json` alone into a folder that
 * is there for other recipients. Either takes `delivery.json` out of the draft, so that it is done once; and where that is
 * gone, the EHR has got it, and may have taken it away. No draft ever has the name of an earlier one, and whoever describes
 * it anew renames it first: a process that was stopped finds nothing under the name that it knows.
 */
export class Claim {
  readonly #dir: string
  readonly #message: string
  readonly #tries: string
  readonly #claim: string
  readonly #announced: string

  constructor(dir: string, sha256: string, delivery: string) {
    this.#dir = dir
    this.#message = `.${sha256}`
    this.#tries = join(dir, `${this.#message}.${delivery}`)
    this.#claim = `${this.#tries}${CLAIM}`
    this.#announced = join(dir, `${this.#message}${ADDING}`, delivery)
  }

  /** How far any process has come. */
  async find(): Promise<Found> {
    for (;;) {
      const [draft] = await draftsIn(this.#claim)
      if (draft === undefined) return { state: 'none' }
      const [name, as, kind] = draft
      if (await exists(join(this.#claim, name, MESSAGE, FILING)))
        return { state: 'whole', draft: name, as, isToFile: kind === FILE }
      // It was there when that was gone from it; else another process has renamed it meanwhile.
      if (await exists(join(this.#claim, name))) return { state: 'got', as }
    }
  }

  /** Makes it complete, all of it on the disk but its name, to be filed as `as`, unless another process is faster. */
  async write(
    inner: Source,
    as: string,
    describe: (parts: readonly FiledPart[]) => Filing,
  ): Promise<Claimed> {
    const own = join(this.#tries, random())
    const draft = `${as}${FILE}${random()}`
    try {
      await writeTry(own, draft, inner, describe)
      await rename(own, this.#claim)
    } catch (error) {
      await removeTry(own)
      const found = isThere(error) ? await this.find() : null
      if (found === null || found.state === 'none') throw error
      return found
    }
    await this.clear()
    return { state: 'whole', draft, as, isToFile: true }
  }

  /** Tries, which nobody needs once one is complete. */
  async clear(): Promise<void> {
    await removeAside(this.#tries)
  }

  /** As the folder that it is described by. Throws ENOENT: it is not there any more; ENOTEMPTY or EEXIST: that folder is. */
  async file(draft: string, folder: string): Promise<void> {
    await rename(join(this.#claim, draft, MESSAGE), folder)
  }

  /** Into a folder that is there, where it is described as to be put there. Throws ENOENT: one of them is not there any more. */
  async add(draft: string, folder: string): Promise<void> {
    await rename(join(this.#claim, draft, MESSAGE, FILING), join(folder, FILING))
  }

  /**
   * From now on nobody else files it or adds it to a folder, and it can be described. Null: the EHR has got it. Throws ENOENT:
   * another process has taken it over, or it is not needed any more.
   */
  async hold(draft: string, as: string): Promise<string | null> {
    const held = `${as}${HELD}${random()}`
    await rename(join(this.#claim, draft), join(this.#claim, held))
    if (await exists(join(this.#claim, held, MESSAGE, FILING))) return held
    // Gone with all of it, perhaps.
    await stat(join(this.#claim, held))
    return null
  }

  /** What is held says of itself. */
  async description(held: string): Promise<Filing | null> {
    return await readFiling(join(this.#claim, held, MESSAGE))
  }

  /** What is held is from now on to be filed as `as`, or added to that folder. Durable when fulfilled. */
  async describe(held: string, filing: Filing, as: string, to: 'file' | 'add'): Promise<string> {
    const draft = join(this.#claim, held)
    // Beside the message: none but what belongs there is ever in it.
    const described = join(draft, `${random()}.json`)
    await writeDurably(described, [jsonBytes(filing)])
    await rename(described, join(draft, MESSAGE, FILING))
    await syncFolder(join(draft, MESSAGE))
    const ready = `${as}${to === 'file' ? FILE : ADD}${random()}`
    await rename(draft, join(this.#claim, ready))
    await syncFolder(this.#claim)
    return ready
  }

  /** Until it is removed, whoever files another delivery of the message knows that it may be added to a folder. */
  async announce(): Promise<void> {
    await mkdir(this.#announced, { recursive: true, mode: 0o700 })
  }

  /** Whether any was announced. */
  async isAnyAnnounced(): Promise<boolean> {
    return await exists(dirname(this.#announced))
  }

  /** Whoever was about to file or add another delivery of the message has to look again. */
  async holdOthers(): Promise<void> {
    const claims = (await readdir(this.#dir))
      .filter((name) => name.startsWith(`${this.#message}.`) && name.endsWith(CLAIM))
      .map((name) => join(this.#dir, name))
    for (const claim of claims)
      for (const [name, as] of claim === this.#claim ? [] : await draftsIn(claim))
        await rename(join(claim, name), join(claim, `${as}${HELD}${random()}`)).catch(unlessGone)
  }

  /** The EHR has what is held in that folder, otherwise. */
  async gotIn(held: string, as: string): Promise<void> {
    const got = `${as}${ADD}${random()}`
    await rename(join(this.#claim, held), join(this.#claim, got))
    await rm(join(this.#claim, got, MESSAGE, FILING))
    await syncFolder(join(this.#claim, got, MESSAGE))
    await syncFolder(this.#claim)
  }

  /** The store knows what became of it. Whoever was stopped finds nothing any more. */
  async remove(): Promise<void> {
    await removeEmpty(this.#announced)
    await removeEmpty(dirname(this.#announced))
    await removeAside(this.#claim)
  }

  /** The same, of one that was filed: in two calls, where nobody else has been at it. */
  async removeFiled(draft: string): Promise<void> {
    try {
      await rmdir(join(this.#claim, draft))
      await rmdir(this.#claim)
    } catch {
      await this.remove()
    }
  }
}

const random = () => randomBytes(6).toString('hex')

/** Its name, the folder that it is described by, and what may be done with it. */
type Draft = readonly [name: string, as: string, kind: string]

/** At most one. */
async function draftsIn(claim: string): Promise<readonly Draft[]> {
  try {
    return (await readdir(claim)).flatMap((name) => {
      const [, as, kind] = NAME.exec(name) ?? []
      return as === undefined || kind === undefined ? [] : [[name, as, kind] as const]
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

const isThere = (error: unknown) =>
  ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
