import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { exists, syncFolder } from '../durable-file.ts'
import { DirectError } from '../errors.ts'
import { Turns } from '../inbox/turns.ts'
import type { TrustedMessage } from '../open/trusted-message.ts'
import { Addition } from './addition.ts'
import { describeDelivery } from './description.ts'
import type { FiledPart } from './filed-parts.ts'
import { authorDigest, deliveryDigest, type Filing, isSameAuthor, withRecipients } from './filing.ts'
import { FolderSyncs } from './folder-syncs.ts'
import { Leftovers } from './leftovers.ts'
import type { Destination } from './types.ts'
import { Unfinished } from './unfinished.ts'

/** What filing asks for where several processes file into one folder. */
export interface FilingTools {
  readonly leftovers: Leftovers
  /** Waits until no other process adds recipients to what was filed. */
  readonly alone: () => Promise<Disposable>
  /** Asked right before a message appears: whether nobody else has handed it over meanwhile. */
  readonly isWaiting: () => Promise<boolean>
}

/** A folder below `dir` for each message, exactly once (IN-10), also where the EHR takes folders away. */
export function folderDestination(
  dir: string,
  { alone }: Partial<Pick<FilingTools, 'alone'>> = {},
): Destination {
  const leftovers = new Leftovers(dir)
  return {
    async deliver(offered) {
      const describe = (deliveredTo: string, parts: readonly FiledPart[]) =>
        describeDelivery(offered, { deliveredTo, parts })
      const { message, isWaiting } = offered
      const tools = { leftovers, ...(alone && { alone }), ...(isWaiting && { isWaiting }) }
      const { folder, recorded } = await deliverToFolder(dir, message, describe, tools)
      return { outcome: 'delivered', where: folder, recorded }
    },
  }
}

/** A message that the EHR has, or had already. */
export interface Filed {
  readonly folder: string
  /** Forgets what is kept for the case that this process stops before it has recorded where the message is. */
  recorded(): Promise<void>
}

/**
 * Files one trusted message under `dir/<innerSha256>/`: `message.eml` (the inner message byte for byte),
 * `attachments/NN-<safe name>` and `delivery.json`. The folder appears complete, by rename, after everything in it
 * is on the disk; unfinished ones begin with a dot. A folder that is there already is the same message, perhaps for
 * another recipient, who is then added to its `delivery.json`. Where it is somebody else's message with the same bytes,
 * this one's folder is `<innerSha256>-<digest of author and signer>`: nobody takes over another's authorship. The same
 * where a folder is left without its `delivery.json`.
 * How it gets there, where several processes share `dir` and each may stop anywhere, is told in `unfinished.ts`, and how a
 * recipient is added in `addition.ts`.
 * Files are 0600, folders 0700. Throws FILE_UNWRITABLE (temporary: the message is kept and comes again) for what the
 * disk refuses; anything else that is thrown is no fault of the disk.
 */
export function deliverToFolder(
  dir: string,
  message: TrustedMessage,
  describe: Describe,
  tools: Partial<FilingTools> = {},
): Promise<Filed> {
  // Of two who add a recipient side by side, one would take the other's away.
  return turns.take(join(dir, message.innerSha256), () =>
    fileMessage(dir, message, describe, { ...ONE_PROCESS, leftovers: new Leftovers(dir), ...tools }),
  )
}

type Describe = (folder: string, parts: readonly FiledPart[]) => Filing

const ONE_PROCESS = { alone: async () => ({ [Symbol.dispose]() {} }), isWaiting: async () => true }

/** Mailboxes are passed over side by side, and the same message may lie in each. */
const turns = new Turns()
/** Messages are filed side by side, and the folder's names are for all of them. */
const folders = new FolderSyncs()

/** How often it is begun anew where another process is at the same message. */
const MOST_TRIES = 5

async function fileMessage(
  dir: string,
  message: TrustedMessage,
  describe: Describe,
  tools: FilingTools,
  tries = 1,
): Promise<Filed> {
  try {
    return await tryToFile(dir, message, describe, tools)
  } catch (cause) {
    tools.leftovers.lookAgain()
    const { code, syscall } = ((cause instanceof DirectError ? cause.cause : cause) ??
      {}) as NodeJS.ErrnoException
    // Another process files the same message, or has cleared ours away; or the EHR has just taken what is there.
    const isShared = ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(code ?? '')
    if (isShared && tries < MOST_TRIES) return await fileMessage(dir, message, describe, tools, tries + 1)
    if (cause instanceof DirectError || syscall === undefined) throw cause
    throw new DirectError('FILE_UNWRITABLE', `cannot file a message in ${dir}: ${code}`, {
      hint: 'Check that the folder is writable and has room. The message is kept, and tried again: by the daemon after a pause, else by the next "direct receive".',
      temporary: true,
      cause,
    })
  }
}

/** Throws ENOTEMPTY, EEXIST or ENOENT where somebody else moves what it is at. */
async function tryToFile(
  dir: string,
  { inner, innerSha256: sha256 }: TrustedMessage,
  describe: Describe,
  { leftovers, alone, isWaiting }: FilingTools,
): Promise<Filed> {
  const filing = describe(join(dir, sha256), [])
  const unfinished = new Unfinished(dir, sha256, deliveryDigest(filing))
  const addition = new Addition(dir, sha256, deliveryDigest(filing))
  const recorded = async () => {
    await unfinished.recorded()
    await addition.recorded()
  }
  let progress = await unfinished.progress()
  const got = (await addition.addedTo()) ?? (progress.state === 'got' ? progress.as : null)
  if (got !== null) {
    // Whoever has come so far may have been stopped before it was on the disk.
    if (await exists(join(dir, got))) await syncFolder(join(dir, got))
    await folders.sync(dir)
    return { folder: join(dir, got), recorded }
  }
  const { folder, isThere } = await placeOf(filing, join(dir, sha256))
  const filed = { folder, recorded }
  if (isThere) {
    using _ = await alone()
    // Throws ENOENT where the EHR took it meanwhile.
    await stat(folder)
    const all = await withRecipients(folder, describe(folder, []))
    if (all !== null) await addition.add(folder, all)
    // Whoever added the others, or renamed it, may have been stopped right before this.
    await syncFolder(folder)
    await unfinished.drop()
    await folders.sync(dir)
    return filed
  }
  if (progress.state === 'none')
    progress = await unfinished.write(inner, basename(folder), (parts) => describe(folder, parts))
  // What is claimed, for the next rename; what another process has renamed, for what is said of it.
  await folders.sync(dir)
  if (progress.state === 'got') return { ...filed, folder: join(dir, progress.as ?? basename(folder)) }
  if (progress.state === 'whole' && progress.as !== basename(folder))
    await unfinished.describeAs(folder, progress.as)
  // Asked behind the claim: whoever has filed it while this process was stopped has recorded that before it gave its own up.
  if (await isWaiting()) await appear(unfinished, folder, isWaiting)
  else await unfinished.drop()
  await folders.sync(dir)
  await leftovers.remove(sha256)
  return filed
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

/** Somebody else may have renamed it, which is as good, and be about to record it, or have. Throws ENOTEMPTY, ENOENT. */
async function appear(
  unfinished: Unfinished,
  folder: string,
  isWaiting: () => Promise<boolean>,
): Promise<void> {
  try {
    await unfinished.appear(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    if (!(await unfinished.isClaimed()) && (await isWaiting())) throw error
  }
}
