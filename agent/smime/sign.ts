import { createHash, randomBytes } from 'node:crypto'
import { base64Lines } from '../mime/base64.ts'
import {
  CAPABILITIES,
  CAPABILITIES_WITH_EC_KEY,
  type Digest,
  digestAlgorithm,
  hashName,
  OID,
  type SignatureScheme,
  signatureAlgorithm,
} from './algorithms.ts'
import { context, implicit, oid, sequence, setOf, smallInteger, TAG, time, tlv } from './ber/der.ts'
import type { Identity, SigningForm } from './identity.ts'
import { concatSources, lent, type Source } from './source.ts'
import type { Composed, Routing } from './wrap.ts'

export interface SignOptions {
  /** Unless the key is for another one alone. */
  readonly digest: Digest
  /** For an RSA key; an EC key has ECDSA, an RSA-PSS key PSS. */
  readonly signature: SignatureScheme
  /** What the signer claims as its signing time; nobody judges a certificate by it (CERT-2). */
  readonly at: Date
}

/** A composed message with its signature. Only `sign` makes one. */
export class Signed {
  readonly #entity: Source
  readonly routing: Routing
  /** By what it is signed. */
  readonly form: SigningForm

  private constructor(entity: Source, routing: Routing, form: SigningForm) {
    this.#entity = entity
    this.routing = routing
    this.form = form
  }

  /** The complete multipart/signed entity, header included (RFC 1847 2.1). */
  get entity(): Source {
    return this.#entity
  }

  /** @internal Use `sign`. */
  static async sign(composed: Composed, signer: Identity, options: SignOptions): Promise<Signed> {
    const form = signer.signsBy({ scheme: options.signature, digest: options.digest })
    const digest = await digestOf(composed.entity, form.digest)
    const signature = await signedData(digest, signer, form, options.at)
    return new Signed(multipartSigned(composed.entity, signature, form.digest), composed.routing, form)
  }
}

/**
 * Signs the exact bytes of the composed entity (RFC 8551 3.5.3; protocol.md MSG-5 to MSG-7). The entity is read once
 * for its digest and once each time that the result is read; it must be the same bytes each time.
 */
export function sign(composed: Composed, signer: Identity, options: SignOptions): Promise<Signed> {
  return Signed.sign(composed, signer, options)
}

async function digestOf(source: Source, digest: Digest): Promise<Uint8Array> {
  const hash = createHash(hashName(digest))
  for await (const chunk of lent(source)) hash.update(chunk)
  return hash.digest()
}

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

function multipartSigned(entity: Source, signature: Uint8Array, digest: Digest): Source {
  // 144 random bits: no content can hold this line but by being told of it (MSG-5).
  const boundary = `=_${randomBytes(18).toString('base64url')}`
  const head = lines(
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
    ` micalg=${digest}; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    '',
  )
  const between = lines(
    '',
    `--${boundary}`,
    'Content-Type: application/pkcs7-signature; name="smime.p7s"',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="smime.p7s"',
    '',
    '',
  )
  return concatSources([head, entity, between, base64Lines(signature), lines(`--${boundary}--`, '')])
}

function lines(...text: readonly string[]): Uint8Array {
  return Buffer.from(text.join('\r\n'))
}
