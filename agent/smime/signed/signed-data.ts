import { OID } from '../algorithms.ts'
import { context, TAG } from '../ber/der.ts'
import { readElement } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { BerReader, type Reading } from '../ber/reader.ts'
import { type CmsKind, enterContentInfo, leaveContentInfo } from '../content-info.ts'
import type { Spool, Spooled } from '../source.ts'
import { type RevocationInfo, readRevocationInfo } from './revocation-info.ts'

const MAX_CERTIFICATES = 100
const MAX_CERTIFICATE_BYTES = 64 << 10
const MAX_SIGNERS = 32
const MAX_SIGNER_BYTES = 64 << 10

/** A SignedData, taken apart (RFC 5652 5.1). */
export interface SignedData {
  /** Null where the content is elsewhere, or was not asked for. */
  readonly content: Spooled | null
  /** DER of the X.509 certificates. */
  readonly certificates: readonly Uint8Array[]
  readonly revocation: RevocationInfo
  /** BER of each SignerInfo. */
  readonly signerInfos: readonly Uint8Array[]
}

/**
 * Reads a SignedData over id-data. With a spool, its own content is kept there; without one it is passed over. Returns
 * the kind when it is CMS of another one. Throws CmsError.
 */
export async function readSignedData(
  cms: AsyncIterable<Uint8Array>,
  spool: Spool | null,
): Promise<SignedData | Exclude<CmsKind, 'signed-data'>> {
  const reader = new BerReader(cms)
  try {
    const kind = await reader.read(enterContentInfo(reader))
    return kind === 'signed-data' ? await takeApart(reader, spool) : kind
  } finally {
    await reader.close()
  }
}

async function takeApart(reader: BerReader, spool: Spool | null): Promise<SignedData> {
  const isThere = await reader.read(enterContent(reader))
  const content = isThere && spool !== null ? await spool(reader.octets()) : null
  try {
    const behind = await reader.read(readBehindContent(reader, { isThere, isRead: content !== null }))
    return { content, ...behind }
  } catch (error) {
    await content?.[Symbol.asyncDispose]()
    throw error
  }
}

/** As far as the content, or to where it would be (RFC 5652 5.2): whether it is there. */
function* enterContent(reader: BerReader): Reading<boolean> {
  yield* reader.enter(TAG.SEQUENCE)
  yield* reader.element(16)
  yield* reader.skip()
  yield* reader.enter(TAG.SEQUENCE)
  const type = readElement(yield* reader.element(64)).oid()
  // A signature over other content, such as a time stamp's, must not pass for one over a message.
  if (type !== OID.data)
    throw new CmsError('SIGNATURE_INVALID', `the signed content is ${type}, not a message`)
  if (yield* reader.atEnd()) return false
  yield* reader.enter(context(0))
  return true
}

/** What is left of the SignedData, and of the ContentInfo around it. */
function* readBehindContent(
  reader: BerReader,
  content: { readonly isThere: boolean; readonly isRead: boolean },
): Reading<Omit<SignedData, 'content'>> {
  if (content.isThere) {
    if (!content.isRead) yield* reader.skip()
    yield* reader.leave()
  }
  yield* reader.leave()
  const certificates =
    (yield* nextTag(reader)) === context(0)
      ? yield* readSet(reader, context(0), {
          name: 'certificates',
          count: MAX_CERTIFICATES,
          bytes: MAX_CERTIFICATE_BYTES,
        })
      : []
  const revocation =
    (yield* nextTag(reader)) === context(1) ? yield* readRevocationInfo(reader) : { crls: [], ocsp: [] }
  const signerInfos = yield* readSet(reader, TAG.SET, {
    name: 'signers',
    count: MAX_SIGNERS,
    bytes: MAX_SIGNER_BYTES,
  })
  yield* reader.leave()
  yield* leaveContentInfo(reader)
  // Other kinds of CertificateChoices (RFC 5652 10.2.2) are of no use to S/MIME.
  return {
    certificates: certificates.filter((choice) => choice[0] === TAG.SEQUENCE),
    revocation,
    signerInfos,
  }
}

function* nextTag(reader: BerReader): Reading<number | null> {
  return (yield* reader.atEnd()) ? null : yield* reader.peek()
}

function* readSet(
  reader: BerReader,
  tag: number,
  limit: { readonly name: string; readonly count: number; readonly bytes: number },
): Reading<Uint8Array[]> {
  const elements: Uint8Array[] = []
  yield* reader.enter(tag)
  while (!(yield* reader.atEnd())) {
    if (elements.length === limit.count) {
      throw new CmsError('LIMIT_EXCEEDED', `more than ${limit.count} ${limit.name} in one signature`)
    }
    elements.push(yield* reader.element(limit.bytes))
  }
  yield* reader.leave()
  return elements
}
