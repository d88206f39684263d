import { createHash } from 'node:crypto'
import type { Certificate } from '../x509/certificate.ts'
import { DerReader, TAG } from '../x509/der.ts'
import { encode, encodeOid, sequence } from '../x509/der-write.ts'
import { bitString } from '../x509/extensions.ts'
import { algorithmOid } from './signature.ts'

/** id-pkix-ocsp-nonce (RFC 9654). */
export const NONCE = '1.3.6.1.5.5.7.48.1.2'

/** A CertID (RFC 6960 4.1.1): a certificate told by hashes of its issuer and by its serial number. */
export interface CertId {
  /** Null: a hash that is not known here, so that nobody we know is meant. */
  readonly hash: Hash | null
  readonly issuerNameHash: Uint8Array
  readonly issuerKeyHash: Uint8Array
  readonly serialNumber: Uint8Array
}

type Hash = 'sha1' | 'sha256' | 'sha384' | 'sha512'

const SHA1 = '1.3.14.3.2.26'
const HASHES: Readonly<Record<string, Hash>> = {
  [SHA1]: 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

/**
 * DER of an OCSPRequest for one certificate (RFC 6960 4.1.1), unsigned, with a nonce of 1 to 128 octets (RFC 9654
 * 2.1) where one is given. The CertID is by SHA-1, which every responder knows; it protects nothing.
 */
export function encodeOcspRequest(
  certificate: Certificate,
  issuer: Certificate,
  nonce: Uint8Array | null,
): Uint8Array {
  const certId = sequence(
    sequence(encodeOid(SHA1), encode(0x05)),
    encode(TAG.OCTET_STRING, digest('sha1', certificate.issuer)),
    encode(TAG.OCTET_STRING, digest('sha1', publicKeyBits(issuer))),
    encode(TAG.INTEGER, certificate.serialNumber),
  )
  const value = (octets: Uint8Array) => encode(TAG.OCTET_STRING, encode(TAG.OCTET_STRING, octets))
  const extensions = nonce === null ? [] : [encode(0xa2, sequence(sequence(encodeOid(NONCE), value(nonce))))]
  return sequence(sequence(sequence(sequence(certId)), ...extensions))
}

/** Throws `Malformed`. */
export function readCertId(fields: DerReader): CertId {
  const hash = HASHES[algorithmOid(fields.next(TAG.SEQUENCE).raw)] ?? null
  const issuerNameHash = fields.next(TAG.OCTET_STRING).content
  const issuerKeyHash = fields.next(TAG.OCTET_STRING).content
  const serialNumber = fields.next(TAG.INTEGER).content
  fields.end()
  return { hash, issuerNameHash, issuerKeyHash, serialNumber }
}

/** Whether a CertID means this certificate of this issuer. */
export function isAbout(id: CertId, certificate: Certificate, issuer: Certificate): boolean {
  const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
  return (
    id.hash !== null &&
    same(id.serialNumber, certificate.serialNumber) &&
    same(id.issuerNameHash, digest(id.hash, certificate.issuer)) &&
    same(id.issuerKeyHash, digest(id.hash, publicKeyBits(issuer)))
  )
}

/** SHA-1 of the public key in hex, by which a responder may name itself (RFC 6960 4.2.1, KeyHash). */
export const keyHash = (certificate: Certificate): string =>
  Buffer.from(digest('sha1', publicKeyBits(certificate))).toString('hex')

const digest = (hash: Hash, octets: Uint8Array): Uint8Array => createHash(hash).update(octets).digest()

/** The BIT STRING without its tag, length and count of unused bits: what is hashed of a key (RFC 6960 4.1.1). */
function publicKeyBits({ spki }: Certificate): Uint8Array {
  const fields = new DerReader(spki).sequence()
  fields.next(TAG.SEQUENCE)
  return bitString(fields.next(TAG.BIT_STRING).content)
}
