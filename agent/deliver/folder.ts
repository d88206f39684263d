import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, replaceFile, syncFolder, writeDurably } from '../durable-file.ts'
import { DirectError } from '../errors.ts'
import { Turns } from '../inbox/turns.ts'
import type { TrustedMessage } from '../open/trusted-message.ts'
import { readParts, safeFilename } from '../read.ts'
import { lent, type Source } from '../smime/source.ts'
import { describeDelivery } from './description.ts'
import type { Destination } from './types.ts'

/** A folder below `dir` for each message, exactly once (IN-10), also where the EHR takes folders away. */
export function folderDestination(dir: string): Destination {
  return {
    async deliver(offered) {
      const describe = (deliveredTo: string, parts: readonly FiledPart[]) =>
        describeDelivery(offered, { deliveredTo, parts })
      const { folder, recorded } = await deliverToFolder(dir, offered.message, describe)
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
): Promise<Filed> {
  // Of two who add a recipient side by side, one would take the other's away.
  return turns.take(join(dir, message.innerSha256), () => fileMessage(dir, message, describe))
}

/** Mailboxes are passed over side by side, and the same message may lie in each. */
const turns = new Turns()

async function fileMessage(
  dir: string,
  { inner, innerSha256: sha256 }: TrustedMessage,
  describe: (folder: string, parts: readonly FiledPart[]) => Filing,
): Promise<Filed> {
  let folder = join(dir, sha256)
  const filing = describe(folder, [])
  const unfinished = join(dir, `.${sha256}.${deliveryDigest(filing)}`)
  const renaming = `${unfinished}${RENAMING}`
  const recorded = () => rm(renaming, { force: true })
  try {
    if ((await exists(folder)) && !(await isSameAuthor(folder, filing)))
      folder = join(dir, `${sha256}-${authorDigest(filing)}`)
    if (await exists(folder)) {
      await addRecipients(folder, describe(folder, []))
      return { folder, recorded }
    }
    const wasRenaming = await exists(renaming)
    if (wasRenaming && !(await exists(unfinished))) return { folder, recorded }
    if (!wasRenaming) {
      await rm(unfinished, { recursive: true, force: true })
      await mkdir(join(unfinished, 'attachments'), { recursive: true, mode: 0o700 })
      await writeDurably(join(unfinished, 'message.eml'), lent(inner))
      const parts = await fileParts(inner, unfinished)
      await writeDurably(join(unfinished, 'delivery.json'), [jsonBytes(describe(folder, parts))])
      await syncFolder(join(unfinished, 'attachments'))
      await syncFolder(unfinished)
      await writeDurably(renaming, [])
      await syncFolder(dir)
    }
    await rename(unfinished, folder)
    await syncFolder(dir)
    await removeUnfinished(dir, sha256)
    return { folder, recorded }
  } catch (cause) {
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

const RENAMING = '.renaming'

/** What `delivery.json` says; the rest of it is as `describe` gave it. */
export interface Filing {
  readonly from: string | null
  readonly signer: { readonly sha256: string } | null
  readonly recipients: readonly { readonly address: string }[]
}

/** Null where there is none that can be read: an EHR may have taken it away, and left the folder. */
async function readFiling(folder: string): Promise<Filing | null> {
  try {
    const filing = JSON.parse(await readFile(join(folder, 'delivery.json'), 'utf8')) as Filing
    return Array.isArray(filing?.recipients) ? filing : null
  } catch (error) {
    const absent = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
    if (absent || error instanceof SyntaxError) return null
    throw error
  }
}

function authorDigest({ from, signer }: Filing): string {
  return createHash('sha256').update(`${from} ${signer?.sha256}`).digest('hex').slice(0, 16)
}

/** Names one delivery of a message: from whom, and to whom of us. */
function deliveryDigest({ from, signer, recipients }: Filing): string {
  const to = recipients.map(({ address }) => address).sort()
  return createHash('sha256')
    .update([from, signer?.sha256, ...to].join(' '))
    .digest('hex')
    .slice(0, 12)
}

/** The digest of an unwrapped message does not cover its From: the same bytes may be another's message. */
async function isSameAuthor(folder: string, { from, signer }: Filing): Promise<boolean> {
  const filed = await readFiling(folder)
  return filed !== null && filed.from === from && filed.signer?.sha256 === signer?.sha256
}

/** The same message may come once for each of several recipients: none of them may be lost to the EHR. */
async function addRecipients(folder: string, filing: Filing): Promise<void> {
  const filed = await readFiling(folder)
  if (filed === null)
    throw new DirectError(
      'FILE_UNWRITABLE',
      `${folder} is there, and has no delivery.json that can be read`,
      {
        hint: 'Take the whole folder away once it has been read. The message is kept and will be delivered by the next run.',
        temporary: true,
      },
    )
  const known = new Set(filed.recipients.map(({ address }) => address))
  const added = filing.recipients.filter(({ address }) => !known.has(address))
  if (added.length === 0) return
  await replaceFile(join(folder, 'delivery.json'), [
    jsonBytes({ ...filed, recipients: [...filed.recipients, ...added] }),
  ])
  await syncFolder(folder)
}

/** What a stop left of earlier tries at the same message, but for those that may be renamed at any moment. */
async function removeUnfinished(dir: string, sha256: string): Promise<void> {
  const names = (await readdir(dir)).filter((name) => name.startsWith(`.${sha256}.`))
  for (const name of names)
    if (!name.endsWith(RENAMING) && !names.includes(`${name}${RENAMING}`))
      await rm(join(dir, name), { recursive: true, force: true })
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
}

/** One leaf of the message as it was filed; `file` is relative to the folder, null for what is no attachment. */
export interface FiledPart {
  readonly filename: string | null
  readonly contentType: string
  readonly bytes: number
  readonly sha256: string
  readonly file: string | null
}

async function fileParts(inner: Source, folder: string): Promise<readonly FiledPart[]> {
  const filed: FiledPart[] = []
  for await (const part of readParts(inner, { lend: true })) {
    const isAttachment =
      part.disposition === 'attachment' || part.filename !== null || !part.contentType.startsWith('text/')
    const number = String(filed.length + 1).padStart(2, '0')
    const file = isAttachment
      ? `attachments/${number}-${safeFilename(part.filename, filed.length + 1)}`
      : null
    const hash = createHash('sha256')
    let bytes = 0
    const measured = async function* () {
      for await (const chunk of part.read()) {
        hash.update(chunk)
        bytes += chunk.length
        yield chunk
      }
    }
    if (file) await writeDurably(join(folder, file), measured())
    else for await (const _ of measured());
    const { filename, contentType } = part
    filed.push({ filename, contentType, bytes, sha256: hash.digest('hex'), file })
  }
  return filed
}
