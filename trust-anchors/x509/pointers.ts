import { booleanValue, DerReader, type Element, Malformed, readOnly, TAG } from './der.ts'

import { encode, sequence } from './der-write.ts'
import { type Name, readName } from './name.ts'

/** Where a certificate or CRL says that revocation lists and issuers are to be had (RFC 5280 4.2.1.13, 4.2.2.1, 5.2.5). */
export interface DistributionPoint {
  /** Null: the point has no name of its own and is told by `crlIssuers`. */
  readonly name: PointName | null
  /** URIs of the full name, as written, whatever their scheme. */
  readonly urls: readonly string[]
  /** The reasons that the CRLs there speak of, as a mask of `REASONS`. */
  readonly reasons: number
  /** Who signs the CRLs there, if not the certificate's issuer (indirect CRLs); empty: its issuer. */
  readonly crlIssuers: readonly Name[]
}

/** A DistributionPointName: full names as comparable text, or one RDN below the name of the CRL's issuer. */
export type PointName =
  | { readonly full: readonly string[] }
  /** Content of the RelativeDistinguishedName SET. */
  | { readonly relative: Uint8Array }

/** An issuingDistributionPoint (RFC 5280 5.2.5): what a CRL speaks of. */
export interface IssuingDistributionPoint {
  readonly name: PointName | null
  readonly onlyUserCertificates: boolean
  readonly onlyCaCertificates: boolean
  readonly onlyAttributeCertificates: boolean
  readonly reasons: number
  readonly indirect: boolean
}

/** ReasonFlags (RFC 5280 4.2.1.13): bits 1 to 8; bit 0 is unused. */
export const ALL_REASONS = 0x1fe

const OCSP = '1.3.6.1.5.5.7.48.1'
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2'
const URI = 0x86
const DIRECTORY_NAME = 0xa4

/** cRLDistributionPoints and freshestCRL, which have the same form. */
export function readDistributionPoints(value: Uint8Array): readonly DistributionPoint[] {
  const list = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const points: DistributionPoint[] = []
  while (!list.done) {
    const fields = list.sequence()
    const name = fields.optional(0xa0)
    const reasons = fields.optional(0x81)
    const issuers = fields.optional(0xa2)
    fields.end()
    points.push({
      name: name === null ? null : readPointName(name.content),
      urls: name === null ? [] : urlsOf(name.content),
      reasons: reasons === null ? ALL_REASONS : readReasons(reasons.content),
      crlIssuers: issuers === null ? [] : directoryNames(issuers.content),
    })
  }
  return points
}

/** URLs of an authorityInfoAccess by what is there, in the certificate's order; other methods are passed over. */
export function readAuthorityInfoAccess(value: Uint8Array): { ocsp: string[]; caIssuers: string[] } {
  const list = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const urls = { ocsp: [] as string[], caIssuers: [] as string[] }
  while (!list.done) {
    const access = list.sequence()
    const method = access.oid()
    const location = access.next()
    access.end()
    if (location.tag !== URI) continue
    if (method === OCSP) urls.ocsp.push(uri(location.content))
    if (method === CA_ISSUERS) urls.caIssuers.push(uri(location.content))
  }
  return urls
}

export function readIssuingDistributionPoint(value: Uint8Array): IssuingDistributionPoint {
  const fields = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const flag = (tag: number) => {
    const element = fields.optional(tag)
    return element !== null && booleanValue(element.content)
  }
  const name = fields.optional(0xa0)
  const onlyUserCertificates = flag(0x81)
  const onlyCaCertificates = flag(0x82)
  const reasons = fields.optional(0x83)
  const indirect = flag(0x84)
  const onlyAttributeCertificates = flag(0x85)
  fields.end()
  return {
    name: name === null ? null : readPointName(name.content),
    onlyUserCertificates,
    onlyCaCertificates,
    onlyAttributeCertificates,
    reasons: reasons === null ? ALL_REASONS : readReasons(reasons.content),
    indirect,
  }
}

/** The comparable names of a point; a relative one stands below `base`, the DER of a Name. */
export function pointNames(name: PointName, base: Uint8Array): readonly string[] {
  if ('full' in name) return name.full
  const rdns = readOnly(base, TAG.SEQUENCE).content
  return [directoryKey(readName(sequence(rdns, encode(TAG.SET, name.relative))).canonical)]
}

/** A Name as `pointNames` writes it. */
export const directoryKey = (canonical: string): string => `directoryName ${canonical}`

function readPointName(content: Uint8Array): PointName {
  const choice = new DerReader(content)
  const name = choice.next()
  choice.end()
  switch (name.tag) {
    case 0xa0:
      return { full: generalNames(name.content).map(comparable) }
    case 0xa1:
      // Read once now, so that a broken one is told when the certificate is read.
      readName(sequence(encode(TAG.SET, name.content)))
      return { relative: name.content }
    default:
      throw new Malformed('a distribution point name of an unknown form')
  }
}

function urlsOf(content: Uint8Array): string[] {
  const name = new DerReader(content).next()
  if (name.tag !== 0xa0) return []
  return generalNames(name.content)
    .filter(({ tag }) => tag === URI)
    .map((element) => uri(element.content))
}

function generalNames(content: Uint8Array): Element[] {
  const reader = new DerReader(content)
  const names: Element[] = []
  while (!reader.done) names.push(reader.next())
  return names
}

function directoryNames(content: Uint8Array): Name[] {
  const names = generalNames(content).filter(({ tag }) => tag === DIRECTORY_NAME)
  if (names.length === 0) throw new Malformed('a cRLIssuer without a directoryName')
  return names.map((element) => readName(readOnly(element.content, TAG.SEQUENCE).raw))
}

function comparable({ tag, content, raw }: Element): string {
  if (tag === DIRECTORY_NAME) return directoryKey(readName(readOnly(content, TAG.SEQUENCE).raw).canonical)
  return tag === URI ? uri(content) : Buffer.from(raw).toString('hex')
}

function uri(content: Uint8Array): string {
  if (content.some((byte) => byte < 0x20 || byte > 0x7e)) throw new Malformed('a URI that is no IA5String')
  return Buffer.from(content).toString('latin1')
}

function readReasons(content: Uint8Array): number {
  const [unused = 8, first = 0, second = 0] = content
  if (unused > 7 || content.length > 3) throw new Malformed('broken ReasonFlags')
  // The first bit of the BIT STRING is reason 0.
  let mask = 0
  for (let bit = 0; bit < 8; bit++) if (first & (0x80 >> bit)) mask |= 1 << bit
  if (second & 0x80) mask |= 1 << 8
  return mask & ALL_REASONS
}
