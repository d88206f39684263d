import { Constructed, GeneralizedTime, ObjectIdentifier, OctetString, Primitive, UTCTime } from 'asn1js'
import {
  type AlgorithmIdentifier,
  type Attribute,
  IssuerAndSerialNumber,
  SignerInfo as PkijsSignerInfo,
} from 'pkijs'
import { type Capabilities, OID, readCapabilities } from '../algorithms.ts'
import { sorted, TAG, tlv } from '../ber/der.ts'
import { byIssuerAndSerialNumber, type CertificateId, octetsOf, readElement } from '../ber/element.ts'
import { CmsError, CmsReader } from '../ber/reader.ts'
import { type NamedAlgorithms, requireSameAlgorithms } from './algorithm-protection.ts'

/** RFC 5652 5.3, as far as it has been read; nothing is verified yet. */
export interface SignerInfo {
  readonly id: CertificateId
  /** OID. */
  readonly digestAlgorithm: string
  readonly signatureAlgorithm: AlgorithmIdentifier
  readonly signature: Uint8Array
  readonly attributes: SignedAttributes | null
}

export interface SignedAttributes {
  /** What is signed: the exact bytes received, under the tag of a SET (RFC 5652 5.4). */
  readonly signedBytes: Uint8Array
  readonly messageDigest: Uint8Array
  readonly signingTime: Date | null
  /** Null: none are there that say something to us. */
  readonly capabilities: Capabilities | null
}

/**
 * Reads one SignerInfo by the rules of protocol.md IN-4. Of the unsigned attributes, those that must be signed are an
 * error and no other is looked at (RFC 5652 11). Throws CmsError.
 */
export async function readSignerInfo(bytes: Uint8Array): Promise<SignerInfo> {
  const info = readElement(bytes, (schema) => new PkijsSignerInfo({ schema }))
  const attributes = info.signedAttrs
  if (info.unsignedAttrs?.attributes.some(({ type }) => SIGNED_ONLY.has(type))) {
    throw new CmsError('MALFORMED', 'an attribute that must be signed stands among the unsigned ones')
  }
  const signedBytes = attributes === undefined ? null : new Uint8Array(attributes.encodedValue)
  if (signedBytes !== null) await requireDerOrder(signedBytes)
  return {
    id: signerId(info.sid),
    digestAlgorithm: info.digestAlgorithm.algorithmId,
    signatureAlgorithm: info.signatureAlgorithm,
    signature: octetsOf(info.signature),
    attributes: signedBytes === null ? null : readAttributes(signedBytes, attributes?.attributes ?? [], info),
  }
}

const SIGNED_ONLY: ReadonlySet<string> = new Set([
  OID.contentType,
  OID.messageDigest,
  OID.signingTime,
  OID.algorithmProtection,
])

function signerId(sid: unknown): CertificateId {
  if (sid instanceof IssuerAndSerialNumber) return byIssuerAndSerialNumber(sid)
  if (sid instanceof Primitive) return { subjectKeyIdentifier: sid.valueBlock.valueHexView }
  if (sid instanceof Constructed) {
    const pieces = sid.valueBlock.value.map((piece) =>
      piece instanceof OctetString ? octetsOf(piece) : malformed(),
    )
    return { subjectKeyIdentifier: Buffer.concat(pieces) }
  }
  return malformed()
}

function malformed(): never {
  throw new CmsError('MALFORMED', 'a SignerInfo that names its certificate in no known way')
}

/** X.690 11.6. Attributes in another order would be verified by some agents and not by others. */
async function requireDerOrder(set: Uint8Array): Promise<void> {
  const reader = new CmsReader(
    (async function* () {
      yield set
    })(),
  )
  const elements: Uint8Array[] = []
  await reader.enter(TAG.SET)
  while (!(await reader.atEnd())) elements.push(await reader.element(set.length))
  if (Buffer.compare(tlv(TAG.SET, ...sorted(elements)), set) !== 0) {
    throw new CmsError('MALFORMED', 'the signed attributes are not in DER')
  }
}

function readAttributes(
  signedBytes: Uint8Array,
  attributes: readonly Attribute[],
  named: NamedAlgorithms,
): SignedAttributes {
  const contentType = onlyValue(attributes, OID.contentType, 'contentType')
  if (!(contentType instanceof ObjectIdentifier) || contentType.getValue() !== OID.data) {
    throw new CmsError('MALFORMED', 'the contentType attribute does not equal the content type')
  }
  const messageDigest = onlyValue(attributes, OID.messageDigest, 'messageDigest')
  if (!(messageDigest instanceof OctetString))
    throw new CmsError('MALFORMED', 'the messageDigest attribute is broken')
  const has = (wanted: string) => attributes.some(({ type }) => type === wanted)
  if (has(OID.algorithmProtection))
    requireSameAlgorithms(onlyValue(attributes, OID.algorithmProtection, 'CMSAlgorithmProtection'), named)
  const signingTime = has(OID.signingTime)
    ? readTime(onlyValue(attributes, OID.signingTime, 'signingTime'))
    : null
  const capabilities = readCapabilities(soleValue(attributes, OID.smimeCapabilities))
  return { signedBytes, messageDigest: octetsOf(messageDigest), signingTime, capabilities }
}

/** RFC 5652 11, RFC 6211 2: these attributes occur once, with one value. */
function onlyValue(attributes: readonly Attribute[], type: string, name: string): unknown {
  const value = soleValue(attributes, type)
  if (value !== undefined) return value
  throw new CmsError('MALFORMED', `the ${name} attribute does not stand there once with one value`)
}

/** Undefined where it does not stand there once with one value. */
function soleValue(attributes: readonly Attribute[], type: string): unknown {
  const found = attributes.filter((attribute) => attribute.type === type)
  const [value, ...more] = found.flatMap<unknown>((attribute) => attribute.values)
  return found.length === 1 && more.length === 0 ? value : undefined
}

/** RFC 5652 11.3: UTC to the second, UTCTime through 2049. */
function readTime(value: unknown): Date {
  // asn1js makes GeneralizedTime a kind of UTCTime.
  const isUtcTime = value instanceof UTCTime && !(value instanceof GeneralizedTime)
  if (value instanceof UTCTime) {
    const text = Buffer.from(value.valueBlock.valueHexView).toString('latin1')
    const full = isUtcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
    const iso = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full)
    if (iso !== null) {
      const [, year, month, day, hour, minute, second] = iso
      const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
      if (!Number.isNaN(time.getTime())) return time
    }
  }
  throw new CmsError('MALFORMED', 'the signingTime attribute is no time')
}
