import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DurableFiles } from '../files/durable-file.ts'
import { lent, type Source } from '../smime/source.ts'
import { type FiledPart, fileParts } from './filed-parts.ts'
import { type Filing, jsonBytes } from './filing.ts'
import { removeEmpty } from './leftovers.ts'

/** In a draft, the message as the EHR is to have it; */
export const MESSAGE = 'message'
/** and in that, what was found out about it. It is written last. */
export const FILING = 'delivery.json'

/**
 * A try at a message: the folder `draft` with all of it, on the disk when fulfilled, name by name. A claim without its draft
 * would be nobody's, though the message was filed; a draft without its message would say that it was, though it was not.
 */
export async function writeTry(
  own: string,
  draft: string,
  inner: Source,
  describe: (parts: readonly FiledPart[]) => Filing,
): Promise<void> {
  const message = join(own, draft, MESSAGE)
  const attachments = join(message, 'attachments')
  await mkdir(attachments, { recursive: true, mode: 0o700 })
  await using files = new DurableFiles()
  await files.folder(own)
  await files.folder(join(own, draft))
  await files.write(join(message, 'message.eml'), lent(inner))
  const parts = await fileParts(inner, message, files)
  await files.write(join(message, FILING), [jsonBytes(describe(parts))])
  if (parts.some(({ file }) => file !== null)) await files.folder(attachments)
  await files.folder(message)
  await files.done()
}

/** One that came to nothing. */
export async function removeTry(own: string): Promise<void> {
  await rm(own, { recursive: true, force: true })
  await removeEmpty(dirname(own))
}
