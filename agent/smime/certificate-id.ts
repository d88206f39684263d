import type { Certificate } from '../../trust-anchors/index.ts'
import { context, TAG } from './ber/der.ts'
import type { Element } from './ber/element.ts'
import { Fields } from './ber/fields.ts'

/** How a RecipientInfo or a SignerInfo names a certificate (RFC 5652 5.3, 6.2.1). */
export type CertificateId =
  | { readonly issuer: Uint8Array; readonly serialNumber: Uint8Array }
  | { readonly subjectKeyIdentifier: Uint8Array }

/** A SignerIdentifier or a RecipientIdentifier. Throws CmsError. */
export function readCertificateId(id: Element): CertificateId {
  if (id.tag !== TAG.SEQUENCE) return { subjectKeyIdentifier: id.octets(context(0, 'primitive')) }
  const fields = new Fields(id)
  const issuer = fields.next(TAG.SEQUENCE).bytes
  const serialNumber = fields.next(TAG.INTEGER).value
  fields.end()
  return { issuer, serialNumber }
}

/** Names compare byte for byte, key identifiers with the certificate's extension (ALG-5). */
export function identifies(id: CertificateId, certificate: Certificate): boolean {
  if ('issuer' in id)
    return (
      Buffer.compare(id.serialNumber, certificate.serialNumber) === 0 &&
      Buffer.compare(id.issuer, certificate.issuer) === 0
    )
  const own = certificate.subjectKeyIdentifier
  return own !== null && Buffer.compare(id.subjectKeyIdentifier, own) === 0
}
