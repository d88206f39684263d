import { createHash } from 'node:crypto'
import type { MessageCode, Reason } from '../errors.ts'
import { MimeError } from '../mime/error.ts'
import { checkParts, readParts } from '../read.ts'
import type { OpenedPart } from '../receiving-types.ts'
import type { Content } from './content.ts'
import type { TrustedMessage } from './trusted-message.ts'

/** The leaves of a trusted message, measured. */
export async function listParts({ inner }: Pick<TrustedMessage, 'inner'>): Promise<readonly OpenedPart[]> {
  const parts: OpenedPart[] = []
  for await (const { filename, contentType, read } of readParts(inner, { lend: true })) {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of read()) {
      hash.update(chunk)
      bytes += chunk.length
    }
    parts.push({ filename, contentType, bytes, sha256: hash.digest('hex') })
  }
  return parts
}

/** Why a message cannot be read part by part, null where it can. A structure beyond IN-11's limits is refused, not cut short. */
export async function refuseParts({
  inner,
  head,
}: Pick<Content, 'inner' | 'head'>): Promise<Reason<MessageCode> | null> {
  try {
    await checkParts(inner, head)
    return null
  } catch (error) {
    if (error instanceof MimeError)
      return { code: error.code, text: `the message's parts make no sense: ${error.message}` }
    throw error
  }
}
