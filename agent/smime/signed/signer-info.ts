import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '../algorithms/algorithm-identifier.ts'
import { type Capabilities, OID, readCapabilities } from '../algorithms.ts'
import { context, setOf, TAG } from '../ber/der.ts'
import { type Element, readElement } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { Fields } from '../ber/fields.ts'
import { type CertificateId, readCertificateId } from '../certificate-id.ts'
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
export function readSignerInfo(bytes: Uint8Array): SignerInfo {
  const info = Fields.of(readElement(bytes), TAG.SEQUENCE)
  info.next(TAG.INTEGER)
  const id = readCertificateId(info.next())
  const digestAlgorithm = readAlgorithmIdentifier(info.next())
  const signed = info.optional(context(0))
  const signatureAlgorithm = readAlgorithmIdentifier(info.next())
  const signature = info.next().octets()
  const unsigned = info.optional(context(1))
  info.end()
  if (unsigned?.children.map(readAttribute).some(({ type }) => SIGNED_ONLY.has(type))) {
    throw new CmsError('MALFORMED', 'an attribute that must be signed stands among the unsigned ones')
  }
  return {
    id,
    digestAlgorithm: digestAlgorithm.algorithm,
    signatureAlgorithm,
    signature,
    attributes: signed && readAttributes(signed, { digestAlgorithm, signatureAlgorithm }),
  }
}

const SIGNED_ONLY: ReadonlySet<string> = new Set([
  OID.contentType,
  OID.messageDigest,
  OID.signingTime,
  OID.algorithmProtection,
])

interface Attribute {
  readonly type: string
  readonly values: readonly Element[]
}

function readAttribute(element: Element): Attribute {
  const fields = Fields.of(element, TAG.SEQUENCE)
  const type = fields.next().oid()
  const values = fields.next(TAG.SET).children
  fields.end()
  return { type, values }
}

function readAttributes(signed: Element, named: NamedAlgorithms): SignedAttributes {
  const signedBytes = requireDerOrder(signed)
  const attributes = signed.children.map(readAttribute)
  if (onlyValue(attributes, OID.contentType, 'contentType').oid() !== OID.data) {
    throw new CmsError('MALFORMED', 'the contentType attribute does not equal the content type')
  }
  const messageDigest = onlyValue(attributes, OID.messageDigest, 'messageDigest').octets()
  const has = (wanted: string) => attributes.some(({ type }) => type === wanted)
  if (has(OID.algorithmProtection))
    requireSameAlgorithms(onlyValue(attributes, OID.algorithmProtection, 'CMSAlgorithmProtection'), named)
  const signingTime = has(OID.signingTime)
    ? readTime(onlyValue(attributes, OID.signingTime, 'signingTime'))
    : null
  const capabilities = readCapabilities(soleValue(attributes, OID.smimeCapabilities))
  return { signedBytes, messageDigest, signingTime, capabilities }
}

/** X.690 11.6. Attributes in another order would be verified by some agents and not by others. */
function requireDerOrder(signed: Element): Uint8Array {
  const inOrder = setOf(...signed.children.map(({ bytes }) => bytes))
  if (Buffer.compare(inOrder.subarray(1), signed.bytes.subarray(1)) === 0) return inOrder
  throw new CmsError('MALFORMED', 'the signed attributes are not in DER')
}

/** RFC 5652 11, RFC 6211 2: these attributes occur once, with one value. */
function onlyValue(attributes: readonly Attribute[], type: string, name: string): Element {
  const value = soleValue(attributes, type)
  if (value !== null) return value
  throw new CmsError('MALFORMED', `the ${name} attribute does not stand there once with one value`)
}

/** Null where it does not stand there once with one value. */
function soleValue(attributes: readonly Attribute[], type: string): Element | null {
  let found: Attribute | null = null
  for (const attribute of attributes) {
    if (attribute.type !== type) continue
    if (found !== null) return null
    found = attribute
  }
  return found?.values.length === 1 ? (found.values[0] ?? null) : null
}

/** RFC 5652 11.3: UTC to the second, UTCTime through 2049. */
function readTime({ tag, value }: Element): Date {
  const text = Buffer.from(value).toString('latin1')
  const isUtcTime = tag === TAG.UTC_TIME
  if (isUtcTime || tag === TAG.GENERALIZED_TIME) {
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
