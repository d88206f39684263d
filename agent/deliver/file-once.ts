import { basename, join } from 'node:path'
import { exists, syncFolder } from '../files/durable-file.ts'
import type { TrustedMessage } from '../open/trusted-message.ts'
import { Claim, type Found } from './claim.ts'
import type { FiledPart } from './filed-parts.ts'
import { authorDigest, deliveryDigest, type Filing, isSameAuthor, withRecipients } from './filing.ts'
import { FolderSyncs } from './folder-syncs.ts'

/** A message that the EHR has, or had already. */
export interface Filed {
  readonly folder: string
  /** Forgets what is kept for the case that this process stops before it has recorded where the message is. */
  recorded(): Promise<void>
}

/** What is said of a message in that folder. */
export type Describe = (folder: string, parts: readonly FiledPart[]) => Filing

/** What filing asks for where several processes file into one folder. */
export interface FilingTools {
  /** What the store calls the delivery; null: it is named after its author and its recipients. */
  readonly delivery: string | null
  /** Waits until no other process adds recipients to what was filed. */
  readonly alone: () => Promise<Disposable>
  /** Asked once the message is claimed: whether nobody has handed it over meanwhile. */
  readonly isWaiting: () => Promise<boolean>
}

/** Messages are filed side by side, and the folder's names are for all of them. */
const folders = new FolderSyncs()

type Whole = Extract<Found, { state: 'whole' }>

/** A try at it. Throws ENOTEMPTY, EEXIST or ENOENT where somebody else moves what it is at. */
export async function fileOnce(
  dir: string,
  { inner, innerSha256: sha256 }: TrustedMessage,
  describe: Describe,
  { delivery, alone, isWaiting }: FilingTools,
): Promise<Filed> {
  const usual = join(dir, sha256)
  const own = describe(usual, [])
  const claim = new Claim(dir, sha256, delivery ?? deliveryDigest(own))
  const earlier = await claim.find()
  const { folder, isThere } = await placeOf(own, usual)
  const isTold = isThere && earlier.state === 'none' && (await withRecipients(folder, describe(folder, [])))
  if (isTold === null) return await got(folder)
  if (earlier.state !== 'none') await claim.clear()
  const found =
    earlier.state === 'none'
      ? await claim.write(inner, basename(folder), (parts) => describe(folder, parts))
      : earlier
  // For the next rename; or another process has claimed it, and was stopped before this.
  await folders.sync(dir)
  if (found.state === 'got') return await got(join(dir, found.as))
  // A claim goes once the store knows: whoever makes another one, of what the EHR has had, is told so.
  if (!(await isWaiting())) {
    await claim.remove()
    return { folder, recorded: () => claim.remove() }
  }
  return isThere ? await addTo(folder, found) : await fileAs(folder, found)

  /** By another process, which may have been stopped before it was on the disk. */
  async function got(folder: string): Promise<Filed> {
    await syncFolder(folder).catch((error: NodeJS.ErrnoException) => {
      // The EHR has taken it.
      if (error.code !== 'ENOENT') throw error
    })
    await folders.sync(dir)
    return { folder, recorded: () => claim.remove() }
  }

  async function fileAs(folder: string, found: Whole): Promise<Filed> {
    const as = basename(folder)
    let { draft } = found
    if (!found.isToFile || found.as !== as) {
      const held = await claim.hold(draft, found.as)
      if (held === null) return await got(join(dir, found.as))
      const { parts } = (await claim.description(held)) ?? {}
      draft = await claim.describe(held, { ...describe(folder, []), ...(parts && { parts }) }, as, 'file')
    }
    // Who adds another delivery, and was stopped, would say of this folder what was said of an earlier one.
    using others = (await claim.isAnyAnnounced()) ? await alone() : null
    if (others !== null) await claim.holdOthers()
    await claim.file(draft, folder)
    await folders.sync(dir)
    return { folder, recorded: () => claim.removeFiled(draft) }
  }

  async function addTo(folder: string, found: Whole): Promise<Filed> {
    using _ = await alone()
    const held = await claim.hold(found.draft, found.as)
    if (held === null) return await got(join(dir, found.as))
    // Of two who read what is said of it now, the later one would take the other's recipient away.
    await claim.announce()
    await claim.holdOthers()
    const all = await withRecipients(folder, describe(folder, []))
    if (all === null) await claim.gotIn(held, basename(folder))
    else await claim.add(await claim.describe(held, all, basename(folder), 'add'), folder)
    return await got(folder)
  }
}

/** Somebody else's message with the same bytes stays what it is. */
async function placeOf(
  filing: Filing,
  usual: string,
): Promise<{ readonly folder: string; readonly isThere: boolean }> {
  if (!(await exists(usual))) return { folder: usual, isThere: false }
  if (await isSameAuthor(usual, filing)) return { folder: usual, isThere: true }
  const folder = `${usual}-${authorDigest(filing)}`
  return { folder, isThere: await exists(folder) }
}
