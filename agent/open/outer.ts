import type { MessageCode, Reason } from '../errors.ts'
import { readHead } from '../mime/entity.ts'
import { MimeError } from '../mime/error.ts'
import type { Header } from '../mime/header.ts'
import { type MediaType, parseDisposition, parseMediaType } from '../mime/media-type.ts'
import { decodeTransfer } from '../mime/transfer.ts'
import { isEnvelopedMediaType } from '../smime/media-type.ts'
import { lent, type Source, sliceOf } from '../smime/source.ts'
import { type MailFrom, mailFromOf } from './envelope.ts'

/** The transport message: its header, and the CMS that its body carries, decoded anew at each read. */
export interface Outer {
  readonly header: Header
  readonly mailFrom: MailFrom
  /** Or why there is none: plain and merely signed mail (IN-1). */
  readonly cms: Pick<Source, 'read' | 'lend'> | Reason<MessageCode>
}

/** Reads the outer header, tolerantly (IN-2). What has no header is no mail at all. */
export async function openOuter(raw: Source): Promise<Outer | Reason<MessageCode>> {
  try {
    const { header, bodyStart } = await readHead(raw.read())
    const mailFrom = mailFromOf(header)
    const type = parseMediaType(header.first('Content-Type'))
    const disposition = parseDisposition(header.first('Content-Disposition'))
    if (type === null || !isEnvelopedMediaType(type, disposition))
      return { header, mailFrom, cms: notEncrypted(type) }
    const encoding = header.first('Content-Transfer-Encoding')
    const body = sliceOf(raw, bodyStart)
    const read = () => decodeTransfer(body.read(), encoding)
    const lend = () => decodeTransfer(lent(body), encoding, { lend: true })
    return { header, mailFrom, cms: { read, lend } }
  } catch (error) {
    if (error instanceof MimeError)
      return { code: error.code, text: `the outer message makes no sense: ${error.message}` }
    throw error
  }
}

function notEncrypted(type: MediaType | null): Reason<MessageCode> {
  return {
    code: 'NOT_ENCRYPTED',
    text: `the message is ${type?.type ?? 'plain text'}, not encrypted S/MIME`,
  }
}
