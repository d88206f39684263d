import { hash, type KeyObject, X509Certificate } from 'node:crypto'
import { BoundedMap } from '../bounded-map.ts'
import type { Failure } from '../failures.ts'
import { DerReader, Malformed, TAG, timeValue } from './der.ts'
import { encode, sequence } from './der-write.ts'
import * as ext from './extensions.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'
import { type Name, readName } from './name.ts'
import { type DistributionPoint, readAuthorityInfoAccess, readDistributionPoints } from './pointers.ts'
import { type PolicyExtensions, readPolicyExtensions } from './policies.ts'
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature.ts'

/** 64 KiB (protocol.md NET): no certificate in use comes near it. */
const MAX_BYTES = 65_536
/** RSA keys beyond these make one signature check as dear as a hundred; none in use comes near (CERT-5). */
const MAX_RSA_BITS = 8192
const MAX_RSA_EXPONENT = 1n << 256n

export interface PublicKeyFacts {
  readonly type: 'rsa' | 'rsa-pss' | 'ec' | 'other'
  /** Modulus or field size; 0 where neither is known. */
  readonly bits: number
  readonly curve?: string
  /** RSA only. */
  readonly exponent?: bigint
}

/** What a TBSCertificate says, in the order of RFC 5280 4.1. */
interface Fields {
  readonly version: number
  readonly serialNumber: Uint8Array
  readonly signature: SignatureAlgorithm
  readonly issuer: Name
  readonly notBefore: Date
  readonly notAfter: Date
  readonly subject: Name
  readonly spki: Uint8Array
  readonly extensions: readonly ext.Extension[]
}

/** An X.509 certificate that has been read; nothing about it has been judged. Immutable. */
export class Certificate {
  readonly der: Uint8Array
  /** Lower-case hex of the DER. */
  readonly sha256: string
  /** DER of the Names, as they stand in the certificate. */
  readonly subject: Uint8Array
  readonly issuer: Uint8Array
  /** RFC 4514-like, for people. */
  readonly subjectText: string
  readonly issuerText: string
  /** Equal where RFC 5280 7.1 calls the names equal. */
  readonly subjectCanonical: string
  readonly issuerCanonical: string
  /** Content octets of the INTEGER. */
  readonly serialNumber: Uint8Array
  readonly serialHex: string
  /** DER of IssuerAndSerialNumber (RFC 5652 10.2.4), with the issuer's own bytes. */
  readonly issuerAndSerialNumber: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  readonly publicKey: KeyObject
  readonly key: PublicKeyFacts
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** Lower-case hex of its SHA-256: equal for equal keys. */
  readonly spkiSha256: string
  readonly signature: SignatureAlgorithm
  /** 1, 2 or 3. */
  readonly version: number
  readonly isCa: boolean
  /** Null: not limited. */
  readonly pathLength: number | null
  /** Null: no such extension, so every use. */
  readonly keyUsage: ReadonlySet<ext.KeyUsage> | null
  /** OIDs. Null: no such extension, so every use. */
  readonly extendedKeyUsage: readonly string[] | null
  /** All entries of the subjectAltName. */
  readonly altNames: readonly GeneralName[]
  /** The rfc822Name and dNSName entries among them, as written. */
  readonly names: ext.AltNames
  /** What the nameConstraints extension holds; null: there is none. */
  readonly nameConstraints: Uint8Array | null
  readonly policyExtensions: PolicyExtensions
  /** From the subject; only the legacy switch looks at these (CERT-1). */
  readonly subjectEmails: readonly string[]
  readonly commonNames: readonly string[]
  readonly subjectKeyIdentifier: Uint8Array | null
  readonly authorityKeyIdentifier: Uint8Array | null
  /** Where CRLs, and deltas to them, are to be had (RFC 5280 4.2.1.13, 4.2.1.15). */
  readonly crlDistributionPoints: readonly DistributionPoint[]
  readonly freshestCrl: readonly DistributionPoint[]
  /** URLs of the authorityInfoAccess, as written (RFC 5280 4.2.2.1): OCSP responders; certificates of the issuer. */
  readonly ocspUrls: readonly string[]
  readonly caIssuers: readonly string[]
  readonly extensions: readonly { readonly oid: string; readonly critical: boolean }[]
  readonly isSelfIssued: boolean
  readonly #x509: X509Certificate
  /** SHA-256 of the key that was found to have signed it: what was true once stays so. */
  #signedBy: string | null = null

  private constructor(
    der: Uint8Array,
    sha256: string,
    fields: Fields,
    x509: X509Certificate,
    publicKey: KeyObject,
  ) {
    const value = (oid: string) => fields.extensions.find((extension) => extension.oid === oid)?.value
    const read = <T>(oid: string, reader: (bytes: Uint8Array) => T): T | null => {
      const bytes = value(oid)
      return bytes === undefined ? null : reader(bytes)
    }
    this.#x509 = x509
    this.der = der
    this.sha256 = sha256
    this.version = fields.version
    this.subject = fields.subject.der
    this.issuer = fields.issuer.der
    this.subjectText = fields.subject.text
    this.issuerText = fields.issuer.text
    this.subjectCanonical = fields.subject.canonical
    this.issuerCanonical = fields.issuer.canonical
    this.isSelfIssued = fields.subject.canonical === fields.issuer.canonical
    this.serialNumber = fields.serialNumber
    this.serialHex = Buffer.from(fields.serialNumber).toString('hex')
    this.issuerAndSerialNumber = sequence(fields.issuer.der, encode(TAG.INTEGER, fields.serialNumber))
    this.notBefore = fields.notBefore
    this.notAfter = fields.notAfter
    this.publicKey = publicKey
    this.key = keyFacts(publicKey)
    this.spki = fields.spki
    this.spkiSha256 = hash('sha256', fields.spki)
    this.signature = fields.signature
    const basic = read(ext.EXTENSION.basicConstraints, ext.readBasicConstraints)
    this.isCa = basic?.isCa ?? false
    this.pathLength = basic?.pathLength ?? null
    this.keyUsage = read(ext.EXTENSION.keyUsage, ext.readKeyUsage)
    this.extendedKeyUsage = read(ext.EXTENSION.extendedKeyUsage, ext.readExtendedKeyUsage)
    this.altNames = read(ext.EXTENSION.subjectAltName, readGeneralNames) ?? []
    this.names = ext.addressesAndDomains(this.altNames)
    this.nameConstraints = value(ext.EXTENSION.nameConstraints) ?? null
    this.policyExtensions = readPolicyExtensions(value)
    this.subjectEmails = fields.subject.emails
    this.commonNames = fields.subject.commonNames
    this.subjectKeyIdentifier = read(ext.EXTENSION.subjectKeyIdentifier, ext.readSubjectKeyIdentifier)
    this.authorityKeyIdentifier = read(ext.EXTENSION.authorityKeyIdentifier, ext.readAuthorityKeyIdentifier)
    this.crlDistributionPoints = read(ext.EXTENSION.crlDistributionPoints, readDistributionPoints) ?? []
    this.freshestCrl = read(ext.EXTENSION.freshestCrl, readDistributionPoints) ?? []
    const access = read(ext.EXTENSION.authorityInfoAccess, readAuthorityInfoAccess)
    this.ocspUrls = access?.ocsp ?? []
    this.caIssuers = access?.caIssuers ?? []
    this.extensions = fields.extensions.map(({ oid, critical }) => ({ oid, critical }))
  }

  /** @internal Use `parseCertificate`, which remembers and never throws. */
  static read(der: Uint8Array, sha256: string): Certificate {
    const own = Uint8Array.from(der)
    const fields = readFields(own)
    const { x509, publicKey } = openSslReading(own)
    // Node looks for PEM text before it looks at DER: a PEM block hidden in an extension would otherwise
    // lend another certificate's key to these names.
    if (Buffer.compare(x509.raw, own) !== 0) throw new Malformed('it can be read in two ways')
    const { bits, exponent = 0n } = keyFacts(publicKey)
    if (bits > MAX_RSA_BITS || exponent >= MAX_RSA_EXPONENT)
      throw new Malformed(`its RSA key is larger than ${MAX_RSA_BITS} bits, or its exponent than 256`)
    return new Certificate(own, sha256, fields, x509, publicKey)
  }

  /** Whether `issuer`'s key made this certificate's signature. Names and rights are not looked at. */
  isSignedBy(issuer: Certificate): boolean {
    if (this.#signedBy === issuer.spkiSha256) return true
    try {
      const isSigned = this.#x509.verify(issuer.publicKey)
      if (isSigned) this.#signedBy = issuer.spkiSha256
      return isSigned
    } catch {
      // OpenSSL throws instead of answering when the key is of another type than the signature.
      return false
    }
  }

  /** The second of notAfter counts to its end (RFC 5280 4.1.2.5). */
  isWithinValidity(at: Date): boolean {
    return at >= this.notBefore && at.getTime() < this.notAfter.getTime() + 1000
  }
}

/** Those seen last are not read again: as many as an address book's domains have, some 11 KB each. */
const seen = new BoundedMap<Certificate>(2048, () => 1)

/**
 * Reads one DER certificate (RFC 5280 4.1). Trailing bytes, an extension twice, more than 64 KiB, or anything
 * but DER is `CERT_MALFORMED`. Throws nothing, whatever the bytes are.
 */
export function parseCertificate(der: Uint8Array): Certificate | Failure {
  if (der.length > MAX_BYTES) {
    return { code: 'CERT_MALFORMED', text: `a certificate of ${der.length} bytes; the limit is ${MAX_BYTES}` }
  }
  const sha256 = hash('sha256', der)
  const known = seen.get(sha256)
  if (known !== undefined) return known
  try {
    const certificate = Certificate.read(der, sha256)
    seen.set(sha256, certificate)
    return certificate
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { code: 'CERT_MALFORMED', text: `${der.length} bytes that are no certificate: ${error.message}` }
  }
}

/** Each certificate once, in the order of its first appearance. */
export function distinct(certificates: readonly Certificate[]): Certificate[] {
  return [...new Map(certificates.map((one) => [one.sha256, one])).values()]
}

function readFields(der: Uint8Array): Fields {
  const outer = new DerReader(der)
  const certificate = outer.sequence()
  outer.end()
  const tbs = certificate.sequence()
  const outerAlgorithm = certificate.next(TAG.SEQUENCE).raw
  ext.bitString(certificate.next(TAG.BIT_STRING).content)
  certificate.end()

  const versionField = tbs.optional(0xa0)
  const version = versionField === null ? 1 : readVersion(versionField.content)
  const serialNumber = tbs.next(TAG.INTEGER).content
  const algorithm = tbs.next(TAG.SEQUENCE).raw
  if (Buffer.compare(algorithm, outerAlgorithm) !== 0) throw new Malformed('two signature algorithms')
  const issuer = readName(tbs.next(TAG.SEQUENCE).raw)
  const validity = tbs.sequence()
  const notBefore = timeValue(validity.next())
  const notAfter = timeValue(validity.next())
  validity.end()
  const subject = readName(tbs.next(TAG.SEQUENCE).raw)
  const spki = tbs.next(TAG.SEQUENCE).raw
  tbs.optional(0x81)
  tbs.optional(0x82)
  const extensionsField = tbs.optional(0xa3)
  tbs.end()
  if (extensionsField !== null && version !== 3) throw new Malformed('extensions before version 3')
  const extensions = extensionsField === null ? [] : ext.readExtensions(extensionsField.content)
  const signature = readSignatureAlgorithm(algorithm)
  return { version, serialNumber, signature, issuer, notBefore, notAfter, subject, spki, extensions }
}

function openSslReading(der: Uint8Array): { x509: X509Certificate; publicKey: KeyObject } {
  try {
    const x509 = new X509Certificate(der)
    return { x509, publicKey: x509.publicKey }
  } catch (error) {
    throw new Malformed('OpenSSL cannot read it or its key', { cause: error })
  }
}

function readVersion(content: Uint8Array): number {
  const reader = new DerReader(content)
  const value = reader.next(TAG.INTEGER).content
  reader.end()
  if (value.length !== 1 || (value[0] as number) > 2) throw new Malformed('an unknown version')
  return (value[0] as number) + 1
}

function keyFacts(key: KeyObject): PublicKeyFacts {
  const details = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss': {
      const { modulusLength = 0, publicExponent } = details
      const exponent = publicExponent === undefined ? {} : { exponent: publicExponent }
      return { type: key.asymmetricKeyType, bits: modulusLength, ...exponent }
    }
    case 'ec': {
      const curve = details.namedCurve
      return { type: 'ec', bits: CURVE_BITS[curve ?? ''] ?? 0, ...(curve === undefined ? {} : { curve }) }
    }
    default:
      return { type: 'other', bits: 0 }
  }
}

const CURVE_BITS: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 }
