import { readHead } from '../mime/entity.ts'
import type { Head } from '../mime/head.ts'
import { parseMediaType } from '../mime/media-type.ts'
import { decodeTransfer, isIdentityEncoding, transferEncoding } from '../mime/transfer.ts'
import type { Body } from './signed/signed-content.ts'
import { type Source, type Spool, sliceOf } from './source.ts'

export interface Unwrapped extends AsyncDisposable {
  readonly wrapped: boolean
  /** The wrapped message; the entity itself where it wraps none (IN-5). Readable until disposed of. */
  readonly inner: Source
}

/**
 * Takes the message out of a `message/rfc822` entity (protocol.md MSG-2). One that was illegally encoded in base64 or
 * quoted-printable is decoded into the spool (IN-2). Throws MimeError.
 */
export async function unwrap(entity: SignedEntity, spool: Spool): Promise<Unwrapped> {
  return unwrapBehind(await readHead(entity.read()), entity, spool)
}

type SignedEntity = Source & { readonly body?: Body }

/** The same of an entity whose header was read already. */
export async function unwrapBehind(
  { header, bodyStart }: Pick<Head, 'header' | 'bodyStart'>,
  entity: SignedEntity,
  spool: Spool,
): Promise<Unwrapped> {
  if (parseMediaType(header.first('Content-Type'))?.type !== 'message/rfc822') {
    return { wrapped: false, inner: entity, async [Symbol.asyncDispose]() {} }
  }
  const encoding = header.first('Content-Transfer-Encoding')
  const body = sliceOf(entity, bodyStart)
  if (!isIdentityEncoding(transferEncoding(encoding))) {
    const decoded = await spool(decodeTransfer(body.read(), encoding))
    return { wrapped: true, inner: decoded, [Symbol.asyncDispose]: () => decoded[Symbol.asyncDispose]() }
  }
  const known = entity.body?.start === bodyStart ? { sha256: entity.body.sha256 } : {}
  return { wrapped: true, inner: { ...body, ...known }, async [Symbol.asyncDispose]() {} }
}
