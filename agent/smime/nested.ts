import type { MessageStart } from '../mime/head.ts'
import { parseMediaType } from '../mime/media-type.ts'
import { decodeTransfer } from '../mime/transfer.ts'
import { cmsKind } from './content-info.ts'
import { isPkcs7Mime } from './media-type.ts'
import { type Source, sliceOf } from './source.ts'

/**
 * Whether what is signed, or the message that it wraps, is itself an envelope, whatever its smime-type says: nobody opens
 * a second one (protocol.md IN-4). An envelope that is attached is content like any other.
 */
export async function isEnvelope(entity: Source, { header, bodyStart }: MessageStart): Promise<boolean> {
  const type = parseMediaType(header.first('Content-Type'))
  if (type === null || !isPkcs7Mime(type)) return false
  const cms = decodeTransfer(sliceOf(entity, bodyStart).read(), header.first('Content-Transfer-Encoding'))
  const kind = await cmsKind({ read: () => cms })
  return kind === 'enveloped-data' || kind === 'auth-enveloped-data'
}
