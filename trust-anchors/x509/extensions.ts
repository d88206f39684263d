import { booleanValue, DerReader, Malformed, oidText, readOnly, smallInteger, TAG } from './der.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'

/** RFC 5280 4.2: the extensions that this room knows by name. */
export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  freshestCrl: '2.5.29.46',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
} as const

/** RFC 5280 4.2.1.12: the purposes that fit S/MIME. */
export const EMAIL_PROTECTION = '1.3.6.1.5.5.7.3.4'
export const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0'

/** RFC 5280 4.2.1.3, in the order of the bits. */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

export type KeyUsage = (typeof KEY_USAGES)[number]

export interface Extension {
  readonly oid: string
  readonly critical: boolean
  /** What the extnValue OCTET STRING holds. */
  readonly value: Uint8Array
}

/** The Extensions of a certificate. The same one twice is malformed (RFC 5280 4.2). */
export function readExtensions(content: Uint8Array): readonly Extension[] {
  const outer = new DerReader(content)
  const list = outer.sequence()
  outer.end()
  const extensions = new Map<string, Extension>()
  while (!list.done) {
    const fields = list.sequence()
    const oid = fields.oid()
    const flag = fields.optional(TAG.BOOLEAN)
    const value = fields.next(TAG.OCTET_STRING).content
    fields.end()
    if (extensions.has(oid)) throw new Malformed(`the extension ${oid} twice`)
    // An explicit FALSE is not DER, but common; it says what its absence says.
    extensions.set(oid, { oid, critical: flag !== null && booleanValue(flag.content), value })
  }
  return [...extensions.values()]
}

export function readBasicConstraints(value: Uint8Array): { isCa: boolean; pathLength: number | null } {
  const fields = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const ca = fields.optional(TAG.BOOLEAN)
  const length = fields.optional(TAG.INTEGER)
  fields.end()
  const isCa = ca !== null && booleanValue(ca.content)
  return { isCa, pathLength: length === null ? null : smallInteger(length.content) }
}

export function readKeyUsage(value: Uint8Array): ReadonlySet<KeyUsage> {
  const bits = bitString(readOnly(value, TAG.BIT_STRING).content)
  return new Set(KEY_USAGES.filter((_, i) => ((bits[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0))
}

export function readExtendedKeyUsage(value: Uint8Array): readonly string[] {
  const list = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const oids: string[] = []
  do oids.push(oidText(list.next(TAG.OID).content))
  while (!list.done)
  return oids
}

/** What binds a certificate for Direct (CERT-1): all rfc822Name and dNSName entries, as written. */
export interface AltNames {
  readonly rfc822: readonly string[]
  readonly dns: readonly string[]
}

export const readAltNames = (value: Uint8Array): AltNames => addressesAndDomains(readGeneralNames(value))

/** Other kinds of name are passed over. */
export function addressesAndDomains(names: readonly GeneralName[]): AltNames {
  const rfc822: string[] = []
  const dns: string[] = []
  for (const name of names) {
    if (name.kind === 'rfc822Name') rfc822.push(name.value)
    if (name.kind === 'dNSName') dns.push(name.value)
  }
  return { rfc822, dns }
}

export function readSubjectKeyIdentifier(value: Uint8Array): Uint8Array {
  return readOnly(value, TAG.OCTET_STRING).content
}

/** The keyIdentifier, null where the issuer is named in another way. */
export function readAuthorityKeyIdentifier(value: Uint8Array): Uint8Array | null {
  const fields = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  return fields.optional(0x80)?.content ?? null
}

/** The octets of a BIT STRING, without the count of unused bits. */
export function bitString(content: Uint8Array): Uint8Array {
  const unused = content[0]
  if (unused === undefined || unused > 7 || (content.length === 1 && unused > 0)) {
    throw new Malformed('a broken BIT STRING')
  }
  return content.subarray(1)
}
