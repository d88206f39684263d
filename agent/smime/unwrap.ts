import { openEntity } from '../mime/entity.ts'
import { parseMediaType } from '../mime/media-type.ts'
import { decodeTransfer, transferEncoding } from '../mime/transfer.ts'
import type { Source, Spool } from './source.ts'

export interface Unwrapped extends AsyncDisposable {
  readonly wrapped: boolean
  /** The wrapped message; the entity itself where it wraps none (IN-5). Readable until disposed of. */
  readonly inner: Source
}

/**
 * Takes the message out of a `message/rfc822` entity (protocol.md MSG-2). One that was illegally encoded in base64 or
 * quoted-printable is decoded into the spool (IN-2). Throws MimeError.
 */
export async function unwrap(entity: Source, spool: Spool): Promise<Unwrapped> {
  const { header, discard } = await openEntity(entity.read())
  await discard()
  if (parseMediaType(header.first('Content-Type'))?.type !== 'message/rfc822') {
    return { wrapped: false, inner: entity, async [Symbol.asyncDispose]() {} }
  }
  const encoding = header.first('Content-Transfer-Encoding')
  async function* body(): AsyncGenerator<Uint8Array> {
    const opened = await openEntity(entity.read())
    yield* decodeTransfer(opened.body, encoding)
  }
  if (['base64', 'quoted-printable'].includes(transferEncoding(encoding))) {
    const decoded = await spool(body())
    return { wrapped: true, inner: decoded, [Symbol.asyncDispose]: () => decoded[Symbol.asyncDispose]() }
  }
  let bytes = 0
  for await (const chunk of body()) bytes += chunk.length
  return { wrapped: true, inner: { bytes, read: body }, async [Symbol.asyncDispose]() {} }
}
