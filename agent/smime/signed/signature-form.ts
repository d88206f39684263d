import type { MessageCode, Reason } from '../../errors.ts'
import { type Entity, openEntity, openPart } from '../../mime/entity.ts'
import { LIMITS, MimeError } from '../../mime/error.ts'
import { parseMediaType } from '../../mime/media-type.ts'
import { cutMultipart } from '../../mime/multipart.ts'
import { decodeTransfer } from '../../mime/transfer.ts'
import { beginsLikeHeader } from '../beginning.ts'
import type { CmsKind } from '../ber/content-info.ts'
import { isPkcs7Mime, isPkcs7Signature } from '../media-type.ts'
import { type Source, type Spool, sliceOf } from '../source.ts'
import { UNDECRYPTABLE } from '../undecryptable.ts'
import { readSignedData, type SignedData } from './signed-data.ts'
import { isBlank, TextToItsEnd } from './trailing.ts'

/** The signature's part, its MIME header and base64 included. */
const MAX_SIGNATURE_BYTES = 16 << 20

/** In which of its two forms an entity is signed, by its header (RFC 8551 3.5). */
export type SignatureShape =
  | { readonly form: 'multipart'; readonly boundary: string }
  | { readonly form: 'opaque'; readonly entity: Entity }

/** An entity in two: what is signed, null where it is inside the signature, and where the signature is. */
export interface TakenApart {
  readonly signed: Pick<Source, 'read'> | null
  readonly signature: Entity
  /** Whether the multipart has its end, and nothing stands behind it. */
  readonly isClosed: boolean
}

/** What is said to be signed, and by what. */
export interface SignatureForm extends Pick<SignedData, 'certificates' | 'revocation' | 'signerInfos'> {
  readonly content: Pick<Source, 'read'>
  /** To be disposed of when the content is no longer read. */
  readonly kept: AsyncDisposable | null
  /** Whether nothing but blanks stands behind the signature, where no signature would cover it. */
  readonly isAll: boolean
}

/**
 * Tells multipart/signed from opaque signed-data (RFC 8551 3.5; protocol.md IN-4), and reads the signature. MIME that
 * does not come apart is UNDECRYPTABLE: it may be what a flipped bit left of it. Throws MimeError, CmsError.
 */
export async function findSignature(
  content: Source,
  spool: Spool,
): Promise<SignatureForm | Reason<MessageCode>> {
  const shape = await readShape(content)
  if ('code' in shape) return shape
  const apart = await takeApart(content, shape)
  return 'code' in apart ? apart : readSignature(apart, spool)
}

/** Step one: the header. Throws MimeError. */
export async function readShape(content: Source): Promise<SignatureShape | Reason<MessageCode>> {
  const entity = await openDecrypted(content)
  if (entity === null) return UNDECRYPTABLE
  const type = parseMediaType(entity.header.first('Content-Type'))
  if (type !== null && isPkcs7Mime(type)) return { form: 'opaque', entity }
  await entity.discard()
  if (type?.type !== 'multipart/signed')
    return isKnownHeader(entity)
      ? notSigned(`the decrypted message is ${type?.type ?? 'plain text'}, not signed`)
      : UNDECRYPTABLE
  const boundary = type.parameters.get('boundary') ?? ''
  return boundary === '' ? UNDECRYPTABLE : { form: 'multipart', boundary }
}

/** Null when it does not begin with a header: then it was not decrypted by the right key, or never made sense. */
async function openDecrypted(content: Source): Promise<Entity | null> {
  // Random bytes make a header of many lines, which takes longer to read than any that is one.
  if (!(await beginsLikeHeader(content))) return null
  try {
    return await openEntity(content.read())
  } catch (error) {
    if (error instanceof MimeError && error.code === 'MALFORMED') return null
    throw error
  }
}

const TOP_LEVEL =
  /^(application|audio|example|font|haptics|image|message|model|multipart|text|video|x-[^/]+)\//
const FIELDS = ['mime-version', 'from', 'to', 'subject', 'date', 'message-id']

/**
 * Whether it is somebody's header. Under AES-CBC whoever changes the initialisation vector chooses the first 16 bytes:
 * of a Content-Type that leaves a field, or a type, that nobody knows.
 */
function isKnownHeader({ header }: Entity): boolean {
  const value = header.first('Content-Type')
  if (value !== null) return TOP_LEVEL.test(parseMediaType(value)?.type ?? '')
  return header.fields.some(({ name }) => FIELDS.includes(name.toLowerCase()))
}

/** Step two: what is signed, and the part that holds the signature. Throws MimeError. */
export async function takeApart(
  content: Source,
  shape: SignatureShape,
): Promise<TakenApart | Reason<MessageCode>> {
  if (shape.form === 'opaque') return { signed: null, signature: shape.entity, isClosed: true }
  const { parts, first, second, isClosed } = await cutInTwo(content, shape.boundary)
  if (second === null) return UNDECRYPTABLE
  if (parts !== 2) {
    return {
      code: 'MALFORMED',
      text: `the multipart/signed has ${parts} parts; it must have two (RFC 1847 2.1)`,
    }
  }
  const signed = sliceOf(content, ...first)
  return { signed, signature: await openPart(once(second)), isClosed }
}

/** Step three: the signature itself. Throws MimeError, CmsError. */
export async function readSignature(
  { signed, signature, isClosed }: TakenApart,
  spool: Spool,
): Promise<SignatureForm | Reason<MessageCode>> {
  const type = parseMediaType(signature.header.first('Content-Type'))
  if (signed !== null && (type === null || !isPkcs7Signature(type))) {
    return notSigned(`the signature is ${type?.type ?? 'plain text'}, not S/MIME`)
  }
  const text = new TextToItsEnd(signature.body)
  try {
    const encoding = signature.header.first('Content-Transfer-Encoding')
    const signedData = await readSignedData(decodeTransfer(text, encoding), signed === null ? spool : null)
    if (typeof signedData === 'string') return otherKind(signedData)
    const { content: kept } = signedData
    await using scope = new AsyncDisposableStack()
    if (kept !== null) scope.use(kept)
    const content = signed ?? kept
    if (content === null) return { code: 'MALFORMED', text: 'the signed message holds no content' }
    if (signedData.signerInfos.length === 0)
      return { code: 'NOT_SIGNED', text: 'the signature has no signer' }
    const isAll = isClosed && (signed !== null || (await text.isTextToItsEnd(encoding)))
    scope.move()
    return { ...signedData, content, kept, isAll }
  } finally {
    await signature.discard()
  }
}

interface Cut {
  readonly parts: number
  /** Where part one begins and ends: its exact bytes, without the line end that is the delimiter's (RFC 2046 5.1.1). */
  readonly first: readonly [start: number, end: number]
  readonly second: Uint8Array | null
  /** Whether it has its end, and nothing stands behind it. */
  readonly isClosed: boolean
}

async function cutInTwo(content: Source, boundary: string): Promise<Cut> {
  const { body, bodyStart } = await openEntity(content.read())
  let at = bodyStart
  let first: [number, number] = [at, at]
  let parts = 0
  let closed = false
  let isBlankBehind = true
  const second = new Gathered()
  for await (const piece of cutMultipart(body, boundary)) {
    const start = at
    at += piece.bytes.length
    if (piece.kind === 'delimiter') {
      if (parts === 1) first = [first[0], start]
      closed = piece.closing
      if (!closed && ++parts > LIMITS.parts)
        throw new MimeError('LIMIT_EXCEEDED', `more than ${LIMITS.parts} parts`)
      if (parts === 1) first = [at, at]
    } else if (closed) isBlankBehind &&= isBlank(piece.bytes)
    else if (parts === 2) second.add(piece.bytes)
  }
  return { parts, first, second: parts < 2 ? null : second.bytes, isClosed: closed && isBlankBehind }
}

class Gathered {
  readonly #chunks: Uint8Array[] = []
  #length = 0

  add(chunk: Uint8Array): void {
    this.#length += chunk.length
    if (this.#length > MAX_SIGNATURE_BYTES)
      throw new MimeError('LIMIT_EXCEEDED', `a signature of more than ${MAX_SIGNATURE_BYTES} bytes`)
    this.#chunks.push(chunk)
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#chunks)
  }
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
