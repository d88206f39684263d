import type { MessageCode, Reason } from '../../errors.ts'
import { type Entity, openEntity, openPart } from '../../mime/entity.ts'
import { MimeError } from '../../mime/error.ts'
import { type MediaType, parseMediaType } from '../../mime/media-type.ts'
import { splitMultipart } from '../../mime/multipart.ts'
import { decodeTransfer } from '../../mime/transfer.ts'
import type { CmsKind } from '../ber/content-info.ts'
import { UNDECRYPTABLE } from '../decrypt.ts'
import { isPkcs7Mime, isPkcs7Signature } from '../media-type.ts'
import type { Source, Spool } from '../source.ts'
import { readSignedData, type SignedData } from './signed-data.ts'

/** The signature's part, its MIME header and base64 included. */
const MAX_SIGNATURE_BYTES = 16 << 20

/** What is said to be signed, and by what. */
export interface SignatureForm extends Pick<SignedData, 'certificates' | 'revocation' | 'signerInfos'> {
  readonly content: Pick<Source, 'read'>
  /** To be disposed of when the content is no longer read. */
  readonly kept: AsyncDisposable | null
}

/**
 * Tells multipart/signed from opaque signed-data (RFC 8551 3.5; protocol.md IN-4). MIME that does not come apart is
 * UNDECRYPTABLE: it may be what a flipped bit left of it. Throws MimeError, CmsError.
 */
export async function findSignature(
  content: Source,
  spool: Spool,
): Promise<SignatureForm | Reason<MessageCode>> {
  const entity = await openDecrypted(content)
  if (entity === null) return UNDECRYPTABLE
  const type = parseMediaType(entity.header.first('Content-Type'))
  if (type !== null && isPkcs7Mime(type)) return opaque(entity, spool)
  await entity.discard()
  if (type?.type === 'multipart/signed') return multipart(content, type)
  return notSigned(`the decrypted message is ${type?.type ?? 'plain text'}, not signed`)
}

/** Null when it does not begin with a header: then it was not decrypted by the right key, or never made sense. */
async function openDecrypted(content: Source): Promise<Entity | null> {
  try {
    return await openEntity(content.read())
  } catch (error) {
    if (error instanceof MimeError && error.code === 'MALFORMED') return null
    throw error
  }
}

async function opaque(entity: Entity, spool: Spool): Promise<SignatureForm | Reason<MessageCode>> {
  const cms = decodeTransfer(entity.body, entity.header.first('Content-Transfer-Encoding'))
  const signedData = await readSignedData(cms, spool)
  if (typeof signedData === 'string') return otherKind(signedData)
  const { content } = signedData
  if (content === null) return { code: 'MALFORMED', text: 'the signed message holds no content' }
  return { ...signedData, content, kept: content }
}

async function multipart(content: Source, type: MediaType): Promise<SignatureForm | Reason<MessageCode>> {
  const boundary = type.parameters.get('boundary') ?? ''
  if (boundary === '') return UNDECRYPTABLE
  const { parts, second } = await readSecondPart(content, boundary)
  if (second === null) return UNDECRYPTABLE
  if (parts !== 2) {
    return {
      code: 'MALFORMED',
      text: `the multipart/signed has ${parts} parts; it must have two (RFC 1847 2.1)`,
    }
  }
  const { header, body } = await openPart(once(second))
  const signatureType = parseMediaType(header.first('Content-Type'))
  if (signatureType === null || !isPkcs7Signature(signatureType)) {
    return notSigned(`the signature is ${signatureType?.type ?? 'plain text'}, not S/MIME`)
  }
  const cms = decodeTransfer(body, header.first('Content-Transfer-Encoding'))
  const signedData = await readSignedData(cms, null)
  if (typeof signedData === 'string') return otherKind(signedData)
  return { ...signedData, content: { read: () => firstPart(content, boundary) }, kept: null }
}

async function readSecondPart(
  content: Source,
  boundary: string,
): Promise<{ readonly parts: number; readonly second: Uint8Array | null }> {
  const { body } = await openEntity(content.read())
  let parts = 0
  let second: Uint8Array | null = null
  for await (const part of splitMultipart(body, boundary)) {
    if (++parts === 2) second = await gather(part.read())
  }
  return { parts, second }
}

/** The exact bytes of part one, without the line end that belongs to the delimiter (RFC 2046 5.1.1). */
async function* firstPart(content: Source, boundary: string): AsyncGenerator<Uint8Array> {
  const { body } = await openEntity(content.read())
  for await (const part of splitMultipart(body, boundary)) {
    yield* part.read()
    return
  }
}

async function gather(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of bytes) {
    length += chunk.length
    if (length > MAX_SIGNATURE_BYTES) {
      throw new MimeError('LIMIT_EXCEEDED', `a signature of more than ${MAX_SIGNATURE_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function otherKind(kind: Exclude<CmsKind, 'signed-data'>): Reason<MessageCode> {
  return kind === 'other'
    ? notSigned('the decrypted message is CMS of a kind that carries no signature')
    : notSigned('the decrypted message is encrypted once more; nested encryption is refused')
}

function notSigned(text: string): Reason<MessageCode> {
  return { code: 'NOT_SIGNED', text }
}
