import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { DerReader, TAG } from '../x509/der.ts'
import {
  encode,
  encodeBitString,
  encodeBoolean,
  encodeInteger,
  encodeOid,
  encodeTime,
  sequence,
} from '../x509/der-write.ts'
import { bitString, EXTENSION, type Extension, KEY_USAGES, type KeyUsage } from '../x509/extensions.ts'

export type IssuingDigest = 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'md5'

/** The parts of a TBSCertificate (RFC 5280 4.1) and who signs it. */
export interface CertificateFields {
  /** DER of the Names. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly extensions: readonly Extension[]
  /** RSA or EC. */
  readonly signingKey: KeyObject
  readonly digest?: IssuingDigest
  /** Content octets; random, positive and 16 octets long where absent. */
  readonly serialNumber?: Uint8Array
}

const SIGNATURE_OIDS: Readonly<Record<string, string>> = {
  'rsa md5': '1.2.840.113549.1.1.4',
  'rsa sha1': '1.2.840.113549.1.1.5',
  'rsa sha256': '1.2.840.113549.1.1.11',
  'rsa sha384': '1.2.840.113549.1.1.12',
  'rsa sha512': '1.2.840.113549.1.1.13',
  'ec sha256': '1.2.840.10045.4.3.2',
  'ec sha384': '1.2.840.10045.4.3.3',
}

/** Makes a version 3 certificate: DER. What it is good for is the caller's to decide. */
export function issueCertificate(fields: CertificateFields): Uint8Array {
  const digest = fields.digest ?? 'sha256'
  const algorithm = signatureAlgorithm(fields.signingKey, digest)
  const tbs = encodeTbsCertificate(fields, algorithm)
  return sequence(tbs, algorithm, encodeBitString(sign(digest, tbs, fields.signingKey)))
}

/** What an issuer signs (RFC 5280 4.1.2), with the algorithm that it will sign it with. */
export function encodeTbsCertificate(
  fields: Omit<CertificateFields, 'signingKey' | 'digest'>,
  algorithm: Uint8Array,
): Uint8Array {
  return sequence(
    encode(0xa0, encodeInteger(2)),
    encode(TAG.INTEGER, fields.serialNumber ?? randomSerial()),
    algorithm,
    fields.issuer,
    sequence(encodeTime(fields.notBefore), encodeTime(fields.notAfter)),
    fields.subject,
    fields.spki,
    encode(0xa3, encodeExtensions(fields.extensions)),
  )
}

/** AlgorithmIdentifier: RSA with a NULL parameter (RFC 4055 5), ECDSA without (RFC 5758 3.2). */
export function signatureAlgorithm(key: KeyObject, digest: IssuingDigest): Uint8Array {
  const oid = SIGNATURE_OIDS[`${key.asymmetricKeyType} ${digest}`]
  if (oid === undefined)
    throw new TypeError(`${key.asymmetricKeyType} keys do not sign certificates with ${digest}`)
  return key.asymmetricKeyType === 'rsa' ? sequence(encodeOid(oid), encode(0x05)) : sequence(encodeOid(oid))
}

/** A Name of one attribute per RDN, in the order given, as UTF8String. */
export function encodeName(
  attributes: readonly (readonly ['CN' | 'O' | 'OU' | 'emailAddress', string])[],
): Uint8Array {
  const rdns = attributes.map(([type, value]) => {
    const text = encode(type === 'emailAddress' ? 0x16 : 0x0c, Buffer.from(value))
    return encode(TAG.SET, sequence(encodeOid(ATTRIBUTE_OIDS[type]), text))
  })
  return sequence(...rdns)
}

const ATTRIBUTE_OIDS = {
  CN: '2.5.4.3',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  emailAddress: '1.2.840.113549.1.9.1',
} as const

export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  const encoded = extensions.map(({ oid, critical, value }) =>
    sequence(encodeOid(oid), ...(critical ? [encodeBoolean(true)] : []), encode(TAG.OCTET_STRING, value)),
  )
  return sequence(...encoded)
}

/** RFC 5280 4.2.1.9, critical. */
export function basicConstraints(isCa: boolean, pathLength?: number): Extension {
  const fields = [
    ...(isCa ? [encodeBoolean(true)] : []),
    ...(pathLength === undefined ? [] : [encodeInteger(pathLength)]),
  ]
  return { oid: EXTENSION.basicConstraints, critical: true, value: sequence(...fields) }
}

/** RFC 5280 4.2.1.3, critical; trailing zero bits are cut off, as DER asks of a named bit list. */
export function keyUsage(...usages: readonly KeyUsage[]): Extension {
  const bits = usages.map((usage) => KEY_USAGES.indexOf(usage))
  const last = Math.max(...bits)
  const octets = new Uint8Array((last >> 3) + 1)
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] as number) | (0x80 >> (bit & 7))
  const value = encode(TAG.BIT_STRING, Uint8Array.of(7 - (last & 7)), octets)
  return { oid: EXTENSION.keyUsage, critical: true, value }
}

/** To sign, and to be encrypted to in the way that the key allows (CERT-4). */
export function leafKeyUsage(spki: Uint8Array): Extension {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  return keyUsage('digitalSignature', key.asymmetricKeyType === 'ec' ? 'keyAgreement' : 'keyEncipherment')
}

/** RFC 5280 4.2.1.12. */
export function extendedKeyUsage(...oids: readonly string[]): Extension {
  return { oid: EXTENSION.extendedKeyUsage, critical: false, value: sequence(...oids.map(encodeOid)) }
}

/** An address becomes an rfc822Name, a domain a dNSName (RFC 5280 4.2.1.6). */
export function subjectAltName(...names: readonly string[]): Extension {
  const entries = names.map((name) => encode(name.includes('@') ? 0x81 : 0x82, Buffer.from(name, 'latin1')))
  return { oid: EXTENSION.subjectAltName, critical: false, value: sequence(...entries) }
}

export function subjectKeyIdentifier(spki: Uint8Array): Extension {
  return {
    oid: EXTENSION.subjectKeyIdentifier,
    critical: false,
    value: encode(TAG.OCTET_STRING, keyIdentifier(spki)),
  }
}

export function authorityKeyIdentifier(issuerSpki: Uint8Array): Extension {
  const value = sequence(encode(0x80, keyIdentifier(issuerSpki)))
  return { oid: EXTENSION.authorityKeyIdentifier, critical: false, value }
}

/** RFC 5280 4.2.1.2, method 1. */
function keyIdentifier(spki: Uint8Array): Uint8Array {
  const fields = new DerReader(spki).sequence()
  fields.next(TAG.SEQUENCE)
  return createHash('sha1')
    .update(bitString(fields.next(TAG.BIT_STRING).content))
    .digest()
}

/** 126 random bits: positive, and of one length. */
function randomSerial(): Uint8Array {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40
  return serial
}
