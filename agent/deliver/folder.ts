import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DurableFiles, exists, FolderSyncs } from '../durable-file.ts'
import { DirectError } from '../errors.ts'
import { Turns } from '../inbox/turns.ts'
import type { TrustedMessage } from '../open/trusted-message.ts'
import { lent, type Source } from '../smime/source.ts'
import { describeDelivery } from './description.ts'
import { type FiledPart, fileParts } from './filed-parts.ts'
import {
  addRecipients,
  authorDigest,
  deliveryDigest,
  type Filing,
  isSameAuthor,
  jsonBytes,
} from './filing.ts'
import { Leftovers, RENAMING } from './leftovers.ts'
import type { Destination } from './types.ts'

/** A folder below `dir` for each message, exactly once (IN-10), also where the EHR takes folders away. */
export function folderDestination(dir: string): Destination {
  const leftovers = new Leftovers(dir)
  return {
    async deliver(offered) {
      const describe = (deliveredTo: string, parts: readonly FiledPart[]) =>
        describeDelivery(offered, { deliveredTo, parts })
      const { folder, recorded } = await deliverToFolder(dir, offered.message, describe, leftovers)
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
 * An empty file beside the unfinished folder says that it is about to be renamed. Whoever finds it after a stop knows
 * what happened: the unfinished folder is still there, or the EHR has got the message and may have taken it away.
 * Files are 0600, folders 0700. Throws FILE_UNWRITABLE (temporary: the message is kept and comes again) for what the
 * disk refuses; anything else that is thrown is no fault of the disk.
 */
export function deliverToFolder(
  dir: string,
  message: TrustedMessage,
  describe: (folder: string, parts: readonly FiledPart[]) => Filing,
  leftovers = new Leftovers(dir),
): Promise<Filed> {
  // Of two who add a recipient side by side, one would take the other's away.
  return turns.take(join(dir, message.innerSha256), () => fileMessage(dir, message, describe, leftovers))
}

/** Mailboxes are passed over side by side, and the same message may lie in each. */
const turns = new Turns()
/** Messages are filed side by side, and the folder's names are for all of them. */
const folders = new FolderSyncs()

async function fileMessage(
  dir: string,
  { inner, innerSha256: sha256 }: TrustedMessage,
  describe: (folder: string, parts: readonly FiledPart[]) => Filing,
  leftovers: Leftovers,
): Promise<Filed> {
  let folder = join(dir, sha256)
  const filing = describe(folder, [])
  const unfinished = join(dir, `.${sha256}.${deliveryDigest(filing)}`)
  const renaming = `${unfinished}${RENAMING}`
  const recorded = () => rm(renaming, { force: true })
  try {
    let isThere = await exists(folder)
    if (isThere && !(await isSameAuthor(folder, filing))) {
      folder = join(dir, `${sha256}-${authorDigest(filing)}`)
      isThere = await exists(folder)
    }
    if (isThere) {
      await addRecipients(folder, describe(folder, []))
      return { folder, recorded }
    }
    const wasRenaming = await exists(renaming)
    if (wasRenaming && !(await exists(unfinished))) return { folder, recorded }
    if (!wasRenaming) {
      await writeUnfinished(unfinished, inner, (parts) => describe(folder, parts))
      // Its name is all that it says, and names are the folder's.
      await (await open(renaming, 'wx', 0o600)).close()
      await folders.sync(dir)
    }
    await rename(unfinished, folder)
    await folders.sync(dir)
    await leftovers.remove(sha256)
    return { folder, recorded }
  } catch (cause) {
    leftovers.lookAgain()
    const { code, syscall } = cause as NodeJS.ErrnoException
    const isKnown = ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(code ?? '')
    // Only where it is certain that nothing was renamed; and in this order, for a stop in between.
    if (isKnown || (await exists(unfinished))) {
      await rm(renaming, { force: true })
      await rm(unfinished, { recursive: true, force: true })
    }
    if (cause instanceof DirectError) throw cause
    // Another process may have filed the same message meanwhile, and cleared ours away.
    if (isKnown && (await exists(folder))) {
      await addRecipients(folder, describe(folder, []))
      return { folder, recorded }
    }
    if (syscall === undefined) throw cause
    throw new DirectError('FILE_UNWRITABLE', `cannot file a message in ${dir}: ${code}`, {
      hint: 'Check that the folder is writable and has room. The message is kept and will be delivered by the next run.',
      temporary: true,
      cause,
    })
  }
}

/** All of a message in a folder of its own, on the disk. */
async function writeUnfinished(
  unfinished: string,
  inner: Source,
  describe: (parts: readonly FiledPart[]) => Filing,
): Promise<void> {
  const attachments = join(unfinished, 'attachments')
  await makeEmpty(unfinished, attachments)
  await using files = new DurableFiles()
  await files.write(join(unfinished, 'message.eml'), lent(inner))
  const parts = await fileParts(inner, unfinished, files)
  await files.write(join(unfinished, 'delivery.json'), [jsonBytes(describe(parts))])
  await files.folder(attachments)
  await files.folder(unfinished)
  await files.done()
}

/** A folder with one in it. What a stop has left of an earlier try goes. */
async function makeEmpty(folder: string, within: string): Promise<void> {
  const make = () => mkdir(within, { recursive: true, mode: 0o700 })
  // The first one that was not there: the folder, or one above it.
  const first = await make()
  if (first !== undefined && first.length <= folder.length) return
  await rm(folder, { recursive: true, force: true })
  await make()
}
