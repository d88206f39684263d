import { OID } from '../algorithms.ts'
import { type CmsKind, enterContentInfo, leaveContentInfo } from '../ber/content-info.ts'
import { context, TAG } from '../ber/der.ts'
import { readElement } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { CmsReader } from '../ber/reader.ts'
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
  const reader = new CmsReader(cms)
  try {
    const kind = await enterContentInfo(reader)
    return kind === 'signed-data' ? await takeApart(reader, spool) : kind
  } finally {
    await reader.close()
  }
}

async function takeApart(reader: CmsReader, spool: Spool | null): Promise<SignedData> {
  await reader.enter(TAG.SEQUENCE)
  await reader.element(16)
  await reader.skip()
  const content = await readContent(reader, spool)
  try {
    return { content, ...(await readBehindContent(reader)) }
  } catch (error) {
    await content?.[Symbol.asyncDispose]()
    throw error
  }
}

/** What is left of the SignedData, and of the ContentInfo around it. */
async function readBehindContent(reader: CmsReader): Promise<Omit<SignedData, 'content'>> {
  const certificates =
    (await nextTag(reader)) === context(0)
      ? await readSet(reader, context(0), {
          name: 'certificates',
          count: MAX_CERTIFICATES,
          bytes: MAX_CERTIFICATE_BYTES,
        })
      : []
  const revocation =
    (await nextTag(reader)) === context(1) ? await readRevocationInfo(reader) : { crls: [], ocsp: [] }
  const signerInfos = await readSet(reader, TAG.SET, {
    name: 'signers',
    count: MAX_SIGNERS,
    bytes: MAX_SIGNER_BYTES,
  })
  await reader.leave()
  await leaveContentInfo(reader)
  // Other kinds of CertificateChoices (RFC 5652 10.2.2) are of no use to S/MIME.
  return {
    certificates: certificates.filter((choice) => choice[0] === TAG.SEQUENCE),
    revocation,
    signerInfos,
  }
}

async function nextTag(reader: CmsReader): Promise<number | null> {
  return (await reader.atEnd()) ? null : reader.peek()
}

/** EncapsulatedContentInfo (RFC 5652 5.2). */
async function readContent(reader: CmsReader, spool: Spool | null): Promise<Spooled | null> {
  await reader.enter(TAG.SEQUENCE)
  const type = readElement(await reader.element(64)).oid()
  // A signature over other content, such as a time stamp's, must not pass for one over a message.
  if (type !== OID.data)
    throw new CmsError('SIGNATURE_INVALID', `the signed content is ${type}, not a message`)
  let content: Spooled | null = null
  if (!(await reader.atEnd())) {
    await reader.enter(context(0))
    if (spool === null) await reader.skip()
    else content = await spool(reader.octets())
    await reader.leave()
  }
  await reader.leave()
  return content
}

async function readSet(
  reader: CmsReader,
  tag: number,
  limit: { readonly name: string; readonly count: number; readonly bytes: number },
): Promise<Uint8Array[]> {
  const elements: Uint8Array[] = []
  await reader.enter(tag)
  while (!(await reader.atEnd())) {
    if (elements.length === limit.count) {
      throw new CmsError('LIMIT_EXCEEDED', `more than ${limit.count} ${limit.name} in one signature`)
    }
    elements.push(await reader.element(limit.bytes))
  }
  await reader.leave()
  return elements
}
