import {
  CAPABILITIES,
  CAPABILITIES_WITH_EC_KEY,
  digestAlgorithm,
  OID,
  signatureAlgorithm,
} from '../algorithms.ts'
import { context, implicit, oid, sequence, setOf, smallInteger, TAG, time, tlv } from '../ber/der.ts'
import type { Identity, SigningForm } from '../identity.ts'

/** ContentInfo around a SignedData with detached content and one SignerInfo (RFC 5652 5). */
export async function signedData(
  messageDigest: Uint8Array,
  signer: Identity,
  { scheme, digest }: SigningForm,
  at: Date,
): Promise<Uint8Array> {
  const algorithm = signatureAlgorithm(scheme, digest)
  const attributes = setOf(
    ...statements(messageDigest, at, [digestAlgorithm(digest), algorithm]),
    attribute(OID.smimeCapabilities, scheme === 'ecdsa' ? CAPABILITIES_WITH_EC_KEY : CAPABILITIES),
  )
  const signature = await signer.key.sign({ scheme, digest }, attributes)
  const signerInfo = sequence(
    smallInteger(1),
    signer.certificate.issuerAndSerialNumber,
    digestAlgorithm(digest),
    // Signed as SET, sent as [0] (RFC 5652 5.4).
    implicit(0, attributes),
    algorithm,
    tlv(TAG.OCTET_STRING, signature),
  )
  const certificates = [signer.certificate, ...signer.intermediates.filter((one) => !one.isSelfIssued)]
  const content = sequence(
    smallInteger(1),
    setOf(digestAlgorithm(digest)),
    sequence(oid(OID.data)),
    implicit(0, setOf(...new Map(certificates.map(({ sha256, der }) => [sha256, der])).values())),
    setOf(signerInfo),
  )
  return sequence(oid(OID.signedData), tlv(context(0), content))
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), setOf(value))
}

/** What the signer says about the message and its signature. */
function statements(
  messageDigest: Uint8Array,
  at: Date,
  [digest, signature]: readonly [Uint8Array, Uint8Array],
): Uint8Array[] {
  return [
    attribute(OID.contentType, oid(OID.data)),
    attribute(OID.messageDigest, tlv(TAG.OCTET_STRING, messageDigest)),
    attribute(OID.signingTime, time(at)),
    // RFC 6211 2: so that nobody can put weaker algorithms in their place.
    attribute(OID.algorithmProtection, sequence(digest, implicit(1, signature))),
  ]
}
