import { OctetString } from 'asn1js'
import { AlgorithmIdentifier, IssuerAndSerialNumber, KeyTransRecipientInfo } from 'pkijs'
import { byIssuerAndSerialNumber, type CertificateId, octetsOf, readElement } from './cms-element.ts'
import { CmsError, CmsReader } from './cms-reader.ts'
import { type CmsKind, enterContentInfo, leaveContentInfo } from './content-info.ts'
import { context, TAG } from './der.ts'
import type { Source } from './source.ts'

/** RecipientInfos of one message: how many, the bytes of one, and of all. */
const MAX_RECIPIENTS = 10_000
/** Of those, how many may name one of ours: each costs the reading of a structure. */
const MAX_OURS = 1000
const MAX_RECIPIENT_BYTES = 64 << 10
const MAX_RECIPIENTS_BYTES = 4 << 20
const MAX_ALGORITHM_BYTES = 4096

/** All of an EnvelopedData before its content (RFC 5652 6.1). */
export interface EnvelopeHead {
  readonly kind: CmsKind
  /** BER of the RecipientInfos that were asked for. */
  readonly recipientInfos: readonly Uint8Array[]
  readonly contentEncryption: AlgorithmIdentifier
}

/** RFC 5652 6.2.1. */
export interface KeyTransInfo {
  readonly id: CertificateId
  readonly algorithm: AlgorithmIdentifier
  readonly encryptedKey: Uint8Array
}

/** Reads up to the content. Null when it is CMS of another kind. Throws CmsError. */
export async function readHead(
  cms: Pick<Source, 'read'>,
  wanted: (recipientInfo: Uint8Array) => boolean,
): Promise<EnvelopeHead | null> {
  const reader = new CmsReader(cms.read())
  try {
    return await enterContent(reader, wanted)
  } finally {
    await reader.close()
  }
}

/** The encrypted content as it comes; ends only when the whole CMS around it was complete. Throws CmsError. */
export async function* encryptedContent(cms: Pick<Source, 'read'>): AsyncGenerator<Uint8Array> {
  const reader = new CmsReader(cms.read())
  try {
    await enterContent(reader, () => false)
    yield* reader.octets(context(0, 'primitive'))
    await reader.leave()
    while (!(await reader.atEnd())) await reader.skip()
    await reader.leave()
    await leaveContentInfo(reader)
  } finally {
    await reader.close()
  }
}

async function enterContent(
  reader: CmsReader,
  wanted: (recipientInfo: Uint8Array) => boolean,
): Promise<EnvelopeHead | null> {
  const kind = await enterContentInfo(reader)
  if (kind !== 'enveloped-data' && kind !== 'auth-enveloped-data') return null
  await reader.enter(TAG.SEQUENCE)
  await reader.element(16)
  if ((await reader.peek()) === context(0)) await reader.skip()
  const recipientInfos = await readRecipientInfos(reader, wanted)
  await reader.enter(TAG.SEQUENCE)
  // The content type inside is not looked at: the plaintext is judged for what it is.
  await reader.element(64)
  const algorithm = await reader.element(MAX_ALGORITHM_BYTES)
  const contentEncryption = readElement(algorithm, (schema) => new AlgorithmIdentifier({ schema }))
  return { kind, recipientInfos, contentEncryption }
}

async function readRecipientInfos(
  reader: CmsReader,
  wanted: (recipientInfo: Uint8Array) => boolean,
): Promise<Uint8Array[]> {
  const kept: Uint8Array[] = []
  let bytes = 0
  await reader.enter(TAG.SET)
  for (let count = 1; !(await reader.atEnd()); count++) {
    const info = await reader.element(MAX_RECIPIENT_BYTES)
    bytes += info.length
    if (count > MAX_RECIPIENTS || bytes > MAX_RECIPIENTS_BYTES) {
      throw new CmsError(
        'LIMIT_EXCEEDED',
        `more than ${MAX_RECIPIENTS} recipients, or ${MAX_RECIPIENTS_BYTES} bytes`,
      )
    }
    if (kept.length < MAX_OURS && wanted(info)) kept.push(info)
  }
  await reader.leave()
  return kept
}

export function readKeyTransInfo(recipientInfo: Uint8Array): KeyTransInfo {
  return readElement(recipientInfo, (schema) => {
    const info = new KeyTransRecipientInfo({ schema })
    const { rid } = info
    const id =
      rid instanceof IssuerAndSerialNumber
        ? byIssuerAndSerialNumber(rid)
        : { subjectKeyIdentifier: rid instanceof OctetString ? octetsOf(rid) : new Uint8Array() }
    return { id, algorithm: info.keyEncryptionAlgorithm, encryptedKey: octetsOf(info.encryptedKey) }
  })
}
