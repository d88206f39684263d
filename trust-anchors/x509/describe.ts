import type { Certificate } from './certificate.ts'
import { DerReader, Malformed, readOnly, TAG } from './der.ts'
import * as ext from './extensions.ts'
import { type GeneralName, readGeneralName, readGeneralNames } from './general-name.ts'
import { type DistributionPoint, readAuthorityInfoAccess, readDistributionPoints } from './pointers.ts'
import { readPolicyExtensions } from './policies.ts'

/** One extension in words. */
export interface DescribedExtension {
  readonly oid: string
  /** By the name of its ASN.1; null: not known here. */
  readonly name: string | null
  readonly critical: boolean
  /** A line for each thing that it says; of an unknown one the bytes, in hex. */
  readonly says: readonly string[]
}

const NO_CHECK = '1.3.6.1.5.5.7.48.1.5'
const NAMES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(ext.EXTENSION).map(([name, oid]) => [oid, name])),
  [NO_CHECK]: 'ocspNoCheck',
}

/** RFC 5280 4.2.1.12 and what else S/MIME certificates carry. */
const PURPOSES: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  [ext.EMAIL_PROTECTION]: 'emailProtection',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
  [ext.ANY_EXTENDED_KEY_USAGE]: 'anyExtendedKeyUsage',
}

/** Bytes that are shown of what is not understood. */
const MOST_HEX = 64

/** All extensions of a certificate, in its order. Nothing is judged: this is for people who look at one. */
export function describeExtensions(certificate: Certificate): readonly DescribedExtension[] {
  return extensionsOf(certificate).map(({ oid, critical, value }) => ({
    oid,
    name: NAMES[oid] ?? null,
    critical,
    says: words(oid, value),
  }))
}

function extensionsOf({ der }: Certificate): readonly ext.Extension[] {
  const tbs = new DerReader(der).sequence().sequence()
  while (!tbs.done) {
    const field = tbs.next()
    if (field.tag === 0xa3) return ext.readExtensions(field.content)
  }
  return []
}

function words(oid: string, value: Uint8Array): readonly string[] {
  try {
    return WORDS[oid]?.(value) ?? [hex(value)]
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return [`it cannot be read: ${error.message}`]
  }
}

const WORDS: Readonly<Record<string, (value: Uint8Array) => readonly string[]>> = {
  [ext.EXTENSION.subjectKeyIdentifier]: (value) => [hex(ext.readSubjectKeyIdentifier(value))],
  [ext.EXTENSION.authorityKeyIdentifier]: (value) => {
    const id = ext.readAuthorityKeyIdentifier(value)
    return [id === null ? 'the issuer is named, without key identifier' : hex(id)]
  },
  [ext.EXTENSION.keyUsage]: (value) => [[...ext.readKeyUsage(value)].join(', ')],
  [ext.EXTENSION.extendedKeyUsage]: (value) =>
    ext.readExtendedKeyUsage(value).map((oid) => PURPOSES[oid] ?? oid),
  [ext.EXTENSION.subjectAltName]: (value) => readGeneralNames(value).map((name) => nameText(name)),
  [ext.EXTENSION.issuerAltName]: (value) => readGeneralNames(value).map((name) => nameText(name)),
  [ext.EXTENSION.basicConstraints]: (value) => {
    const { isCa, pathLength } = ext.readBasicConstraints(value)
    const limit = pathLength === null ? '' : `, with at most ${pathLength} CA(s) below it`
    return [isCa ? `a CA${limit}` : 'not a CA']
  },
  [ext.EXTENSION.nameConstraints]: constraints,
  [ext.EXTENSION.crlDistributionPoints]: (value) => readDistributionPoints(value).map(pointText),
  [ext.EXTENSION.freshestCrl]: (value) => readDistributionPoints(value).map(pointText),
  [ext.EXTENSION.authorityInfoAccess]: (value) => {
    const { ocsp, caIssuers } = readAuthorityInfoAccess(value)
    return [
      ...ocsp.map((url) => `OCSP at ${url}`),
      ...caIssuers.map((url) => `issuer's certificate at ${url}`),
    ]
  },
  [ext.EXTENSION.certificatePolicies]: (value) => policyWords(ext.EXTENSION.certificatePolicies, value),
  [ext.EXTENSION.policyMappings]: (value) => policyWords(ext.EXTENSION.policyMappings, value),
  [ext.EXTENSION.policyConstraints]: (value) => policyWords(ext.EXTENSION.policyConstraints, value),
  [ext.EXTENSION.inhibitAnyPolicy]: (value) => policyWords(ext.EXTENSION.inhibitAnyPolicy, value),
  [NO_CHECK]: () => ['an OCSP responder whose own revocation is not asked about'],
}

/** One policy extension alone, so that another one that is broken does not hide it. */
function policyWords(oid: string, value: Uint8Array): readonly string[] {
  const said = readPolicyExtensions((one) => (one === oid ? value : undefined))
  const after = (count: number | null, what: string) =>
    count === null ? [] : [count === 0 ? `${what} from here on` : `${what} after ${count} more CA(s)`]
  return [
    ...(said.policies ?? []),
    ...said.mappings.map((pair) => `${pair.issuerDomainPolicy} counts as ${pair.subjectDomainPolicy}`),
    ...after(said.requireExplicitPolicy, 'a policy is required'),
    ...after(said.inhibitPolicyMapping, 'policies are no longer mapped'),
    ...after(said.inhibitAnyPolicy, 'anyPolicy no longer counts'),
  ]
}

function constraints(value: Uint8Array): readonly string[] {
  const fields = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const subtrees = (tag: number, word: string) => {
    const list = fields.optional(tag)
    if (list === null) return []
    const reader = new DerReader(list.content)
    const lines: string[] = []
    while (!reader.done) lines.push(`${word} ${nameText(readGeneralName(reader.sequence().next()))}`)
    return lines
  }
  return [...subtrees(0xa0, 'only below'), ...subtrees(0xa1, 'not below')]
}

function pointText({ urls, crlIssuers }: DistributionPoint): string {
  const where = urls.length === 0 ? 'a CRL without URL' : `CRL at ${urls.join(', ')}`
  return crlIssuers.length === 0
    ? where
    : `${where}, issued by ${crlIssuers.map(({ text }) => text).join('; ')}`
}

function nameText(name: GeneralName): string {
  switch (name.kind) {
    case 'directoryName':
      return `${name.kind} ${name.value.text}`
    case 'iPAddress':
      return `${name.kind} ${ipText(name.value)}`
    case 'otherName':
    case 'registeredID':
      return `${name.kind} ${name.oid}`
    case 'x400Address':
    case 'ediPartyName':
      return name.kind
    default:
      return `${name.kind} ${name.value}`
  }
}

/** An address, or in a constraint an address and its mask. */
function ipText(octets: Uint8Array): string {
  const half = octets.length / 2
  switch (octets.length) {
    case 4:
      return octets.join('.')
    case 16:
      return [...Array(8).keys()].map((i) => hex(octets.subarray(2 * i, 2 * i + 2))).join(':')
    case 8:
    case 32:
      return `${ipText(octets.subarray(0, half))} mask ${ipText(octets.subarray(half))}`
    default:
      return `of ${octets.length} octets`
  }
}

function hex(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, MOST_HEX)).toString('hex')
  return bytes.length > MOST_HEX ? `${text}… (${bytes.length} bytes)` : text
}
