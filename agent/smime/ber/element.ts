import { fromBER, ObjectIdentifier, type OctetString } from 'asn1js'
import type { IssuerAndSerialNumber } from 'pkijs'
import type { Certificate } from '../../../trust-anchors/index.ts'
import { sequence, TAG, tlv } from './der.ts'
import { CmsError } from './reader.ts'

type Parsed = ReturnType<typeof fromBER>['result']

/**
 * Reads one small, complete element by `make`, which asks asn1js and pkijs for a structure. Throws CmsError
 * `MALFORMED` for anything that does not fit.
 */
export function readElement<T>(bytes: Uint8Array, make: (schema: Parsed) => T): T {
  try {
    const { result, offset } = fromBER(bytes, { maxContentLength: bytes.length, parseEmbedded: false })
    if (offset === bytes.length) return make(result)
  } catch (error) {
    if (error instanceof CmsError) throw error
    // pkijs and asn1js throw errors of several classes for bytes that do not fit.
    throw new CmsError('MALFORMED', 'an element that is not of the structure that belongs there', error)
  }
  throw new CmsError('MALFORMED', 'an element that is not BER')
}

/** Dotted form of an OBJECT IDENTIFIER. */
export function readOid(bytes: Uint8Array): string {
  return readElement(bytes, (element) => {
    if (element instanceof ObjectIdentifier) return element.getValue()
    throw new CmsError('MALFORMED', 'something else stands where an OBJECT IDENTIFIER belongs')
  })
}

/** The value of an OCTET STRING, in one piece or in several. */
export function octetsOf(string: OctetString): Uint8Array {
  return new Uint8Array(string.getValue())
}

/** How a RecipientInfo or a SignerInfo names a certificate (RFC 5652 5.3, 6.2.1). */
export type CertificateId =
  | { readonly issuerAndSerialNumber: Uint8Array }
  | { readonly subjectKeyIdentifier: Uint8Array }

export function byIssuerAndSerialNumber(id: IssuerAndSerialNumber): CertificateId {
  const serial = tlv(TAG.INTEGER, id.serialNumber.valueBlock.valueHexView)
  return { issuerAndSerialNumber: sequence(new Uint8Array(id.issuer.valueBeforeDecode), serial) }
}

/** Names compare byte for byte, key identifiers with the certificate's extension (ALG-5). */
export function identifies(id: CertificateId, certificate: Certificate): boolean {
  if ('issuerAndSerialNumber' in id) {
    return Buffer.compare(id.issuerAndSerialNumber, certificate.issuerAndSerialNumber) === 0
  }
  const own = certificate.subjectKeyIdentifier
  return own !== null && Buffer.compare(id.subjectKeyIdentifier, own) === 0
}
