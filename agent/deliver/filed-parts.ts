import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { DurableFiles } from '../files/durable-file.ts'
import { readParts, safeFilename } from '../read.ts'
import type { Source } from '../smime/source.ts'

/** One leaf of the message as it was filed; `file` is relative to the folder, null for what is no attachment. */
export interface FiledPart {
  readonly filename: string | null
  readonly contentType: string
  readonly bytes: number
  readonly sha256: string
  readonly file: string | null
}

/** Writes the attachments of a message into `folder`, and measures all of its leaves. */
export async function fileParts(
  inner: Source,
  folder: string,
  files: DurableFiles,
): Promise<readonly FiledPart[]> {
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
    if (file) await files.write(join(folder, file), measured())
    else for await (const _ of measured());
    const { filename, contentType } = part
    filed.push({ filename, contentType, bytes, sha256: hash.digest('hex'), file })
  }
  return filed
}
