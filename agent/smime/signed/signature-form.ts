import type { MessageCode, Reason } from '../../errors.ts'
import { type Entity, openEntity, openPart } from '../../mime/entity.ts'
import { parseMediaType } from '../../mime/media-type.ts'
import { decodeTransfer } from '../../mime/transfer.ts'
import type { CmsKind } from '../content-info.ts'
import { isPkcs7Signature } from '../media-type.ts'
import { once, type Source, type Spool, sliceOf } from '../source.ts'
import type { SignedForm } from './entity-outline.ts'
import type { SignedContent } from './signed-content.ts'
import { readSignedData, type SignedData } from './signed-data.ts'
import { TextToItsEnd } from './trailing.ts'

/** An entity in two: what is signed, null where it is inside the signature, and where the signature is. */
export interface TakenApart {
  readonly signed: SignedContent | null
  readonly signature: Entity
  /** Whether the multipart has its end, and nothing stands behind it. */
  readonly isClosed: boolean
}

/** What is said to be signed, and by what. */
export interface SignatureForm extends Pick<SignedData, 'certificates' | 'revocation' | 'signerInfos'> {
  readonly content: SignedContent
  /** To be disposed of when the content is no longer read. */
  readonly kept: AsyncDisposable | null
  /** Whether nothing but blanks stands behind the signature, where no signature would cover it. */
  readonly isAll: boolean
}

/** Step one: what is signed, and the entity that holds the signature. Throws MimeError. */
export async function takeApart(content: Source, signed: SignedForm): Promise<TakenApart> {
  if (signed.form === 'opaque')
    return { signed: null, signature: await openEntity(content.read()), isClosed: true }
  const { first, hashed, second, isClosed } = signed
  return {
    signed: { ...sliceOf(content, ...first), hashed },
    signature: await openPart(once(second)),
    isClosed,
  }
}

/** Step two: the signature itself. Throws MimeError, CmsError. */
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

function otherKind(kind: Exclude<CmsKind, 'signed-data'>): Reason<MessageCode> {
  return kind === 'other'
    ? notSigned('the decrypted message is CMS of a kind that carries no signature')
    : notSigned('the decrypted message is encrypted once more; nested encryption is refused')
}

function notSigned(text: string): Reason<MessageCode> {
  return { code: 'NOT_SIGNED', text }
}
