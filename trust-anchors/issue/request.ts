import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { Failure } from '../failures.ts'
import { DerReader, Malformed, readOnly, TAG } from '../x509/der.ts'
import { encode, encodeBitString, encodeInteger, encodeOid, sequence } from '../x509/der-write.ts'
import { bitString, EMAIL_PROTECTION, EXTENSION, readAltNames, readExtensions } from '../x509/extensions.ts'
import { toPem } from '../x509/read.ts'
import {
  encodeExtensions,
  encodeName,
  extendedKeyUsage,
  leafKeyUsage,
  signatureAlgorithm,
  subjectAltName,
} from './issue.ts'
import type { KeyPair } from './key.ts'

/** PKCS#9 extensionRequest (RFC 2985 5.4.2). */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'

export interface RequestFields extends KeyPair {
  /** An address (becomes an rfc822Name) or a domain (becomes a dNSName). */
  readonly subject: string
  readonly organisation?: string
}

/**
 * A certificate request for an address or a domain: PKCS#10 (RFC 2986) as PEM, signed with SHA-256 by RSA or ECDSA. It asks
 * for what Direct wants of a certificate (CERT-1, CERT-4): one for signing and encryption, by key agreement to an EC key.
 */
export function createCertificateRequest(fields: RequestFields): string {
  const wanted = encodeExtensions([
    leafKeyUsage(spkiOf(fields.publicKey)),
    extendedKeyUsage(EMAIL_PROTECTION),
    subjectAltName(fields.subject),
  ])
  const info = sequence(
    encodeInteger(0),
    subjectName(fields.subject, fields.organisation),
    spkiOf(fields.publicKey),
    encode(0xa0, sequence(encodeOid(EXTENSION_REQUEST), encode(TAG.SET, wanted))),
  )
  const algorithm = signatureAlgorithm(fields.privateKey, 'sha256')
  const signature = encodeBitString(sign('sha256', info, fields.privateKey))
  return toPem(sequence(info, algorithm, signature), 'CERTIFICATE REQUEST')
}

/** What a request asks for, once its signature has shown that the key is there. */
export interface ReadRequest {
  /** DER of the Name. */
  readonly subject: Uint8Array
  readonly spki: Uint8Array
  /** The one rfc822Name or dNSName. */
  readonly name: string
}

/** Reads a PKCS#10 request of the kind that `createCertificateRequest` makes. */
export function readCertificateRequest(pem: string): ReadRequest | Failure {
  const block = /-----BEGIN (NEW )?CERTIFICATE REQUEST-----([^-]*)-----END/.exec(pem)
  if (block === null) return { code: 'CERT_MALFORMED', text: 'no certificate request in PEM form' }
  try {
    return readRequest(Buffer.from(block[2] as string, 'base64'))
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { code: 'CERT_MALFORMED', text: `the certificate request cannot be read: ${error.message}` }
  }
}

function readRequest(der: Uint8Array): ReadRequest | Failure {
  const outer = new DerReader(readOnly(der, TAG.SEQUENCE).content)
  const info = outer.next(TAG.SEQUENCE)
  outer.next(TAG.SEQUENCE)
  const signature = bitString(outer.next(TAG.BIT_STRING).content)
  outer.end()
  const fields = new DerReader(info.content)
  fields.next(TAG.INTEGER)
  const subject = fields.next(TAG.SEQUENCE).raw
  const spki = fields.next(TAG.SEQUENCE).raw
  const attributes = new DerReader(fields.next(0xa0).content)
  fields.end()
  const key = publicKeyOf(spki)
  // The algorithm is not read: what we ask for is always SHA-256.
  if (!verify('sha256', info.raw, key, signature)) {
    return {
      code: 'BAD_SIGNATURE',
      text: 'the certificate request is not signed, with SHA-256, by its own key',
    }
  }
  const names = requestedNames(attributes)
  if (names.length !== 1) {
    return {
      code: 'CERT_NOT_BOUND',
      text: `the certificate request names ${names.length} addresses or domains; one is wanted`,
    }
  }
  return { subject, spki, name: names[0] as string }
}

function requestedNames(attributes: DerReader): readonly string[] {
  while (!attributes.done) {
    const attribute = attributes.sequence()
    if (attribute.oid() !== EXTENSION_REQUEST) continue
    const extensions = readExtensions(attribute.next(TAG.SET).content)
    const altName = extensions.find(({ oid }) => oid === EXTENSION.subjectAltName)
    if (altName === undefined) return []
    const { rfc822, dns } = readAltNames(altName.value)
    return [...rfc822, ...dns]
  }
  return []
}

function publicKeyOf(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch (error) {
    throw new Malformed('OpenSSL cannot read its key', { cause: error })
  }
}

export function subjectName(subject: string, organisation: string | undefined): Uint8Array {
  // A commonName holds 64 characters at most (RFC 5280 A.1); the subjectAltName is what counts.
  const name = subject.slice(0, 64)
  return encodeName(
    organisation === undefined
      ? [['CN', name]]
      : [
          ['O', [...organisation].slice(0, 64).join('')],
          ['CN', name],
        ],
  )
}

export function spkiOf(publicKey: KeyObject): Uint8Array {
  return publicKey.export({ type: 'spki', format: 'der' })
}
