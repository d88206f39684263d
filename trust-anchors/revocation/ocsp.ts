import type { Failure } from '../failures.ts'
import { DerReader, Malformed, readOnly, smallInteger, TAG, timeValue } from '../x509/der.ts'
import { bitString, type Extension, readExtensions } from '../x509/extensions.ts'
import { readName } from '../x509/name.ts'
import { readReason } from './crl-entries.ts'
import { type CertId, NONCE, readCertId } from './ocsp-request.ts'
import { readScheme, type Signed } from './signature.ts'

/** No response in use comes near it: one certificate's status and a responder's certificates. */
const MAX_BYTES = 65_536
const MAX_CERTIFICATES = 8
const BASIC = '1.3.6.1.5.5.7.48.1.1'
const ENUMERATED = 0x0a

/** OCSPResponseStatus (RFC 6960 4.2.1). */
const STATUSES = {
  0: 'successful',
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
} as const

export type OcspResponseStatus = (typeof STATUSES)[keyof typeof STATUSES]

/** An OCSPResponse (RFC 6960 4.2.1) that has been read; nothing about it has been believed. */
export interface OcspResponse {
  readonly der: Uint8Array
  readonly status: OcspResponseStatus
  /** What is signed; null where the responder gave no answer, and then nothing is. */
  readonly basic: BasicOcspResponse | null
  /** Of the answer in it that ends first; null: it says nothing, or not until when. */
  readonly thisUpdate: Date | null
  readonly nextUpdate: Date | null
}

export interface BasicOcspResponse extends Signed {
  /** Canonical name, or SHA-1 of the public key, in hex. */
  readonly responder: { readonly name: string } | { readonly keyHash: string }
  readonly answers: readonly OcspAnswer[]
  readonly nonce: Uint8Array | null
  /** OID of a critical extension that is not known here. */
  readonly unknownCritical: string | null
  /** DER, as they came: they may be a delegated responder's. */
  readonly certificates: readonly Uint8Array[]
}

/** A SingleResponse: what is said of one certificate. */
export interface OcspAnswer {
  readonly certificate: CertId
  readonly status: 'good' | 'revoked' | 'unknown'
  /** Of a revoked one. */
  readonly revokedAt: Date | null
  readonly reason: number
  readonly thisUpdate: Date
  readonly nextUpdate: Date | null
  readonly unknownCritical: string | null
}

/** Reads an OCSP response: DER, at most 64 KiB. What is none is `REVOCATION_UNKNOWN`. Throws nothing. */
export function parseOcspResponse(bytes: Uint8Array): OcspResponse | Failure {
  if (bytes.length > MAX_BYTES) {
    return {
      code: 'REVOCATION_UNKNOWN',
      text: `an OCSP response of ${bytes.length} bytes; the limit is ${MAX_BYTES}`,
    }
  }
  try {
    return readResponse(Uint8Array.from(bytes))
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return {
      code: 'REVOCATION_UNKNOWN',
      text: `${bytes.length} bytes that are no OCSP response: ${error.message}`,
    }
  }
}

function readResponse(der: Uint8Array): OcspResponse {
  const fields = new DerReader(readOnly(der, TAG.SEQUENCE).content)
  const status = STATUSES[smallInteger(fields.next(ENUMERATED).content) as keyof typeof STATUSES]
  if (status === undefined) throw new Malformed('an unknown response status')
  const bytes = fields.optional(0xa0)
  fields.end()
  // Without success there is nothing signed inside, whatever else may be there (RFC 6960 4.2.1).
  if (status !== 'successful') return { der, status, basic: null, thisUpdate: null, nextUpdate: null }
  if (bytes === null) throw new Malformed('success without a response')
  const response = new DerReader(readOnly(bytes.content, TAG.SEQUENCE).content)
  const type = response.oid()
  if (type !== BASIC) throw new Malformed(`a response of the unknown type ${type}`)
  const basic = readBasic(response.next(TAG.OCTET_STRING).content)
  response.end()
  const end = ({ nextUpdate }: OcspAnswer) => nextUpdate?.getTime() ?? 0
  const [first] = basic.answers.toSorted((a, b) => end(a) - end(b))
  const { thisUpdate = null, nextUpdate = null } = first ?? {}
  return { der, status, basic, thisUpdate, nextUpdate }
}

function readBasic(der: Uint8Array): BasicOcspResponse {
  const fields = new DerReader(readOnly(der, TAG.SEQUENCE).content)
  const tbs = fields.next(TAG.SEQUENCE)
  const algorithm = fields.next(TAG.SEQUENCE).raw
  const signature = bitString(fields.next(TAG.BIT_STRING).content)
  const certificates = fields.optional(0xa0)
  fields.end()

  const data = new DerReader(tbs.content)
  const version = data.optional(0xa0)
  // An explicit v1 is not DER, but says what its absence says.
  if (version !== null && smallInteger(readOnly(version.content, TAG.INTEGER).content) !== 0) {
    throw new Malformed('an unknown version')
  }
  const responder = readResponder(data)
  timeValue(data.next(TAG.GENERALIZED_TIME))
  const answers: OcspAnswer[] = []
  const list = data.sequence()
  while (!list.done) answers.push(readAnswer(list.sequence()))
  const extensions = readExplicitExtensions(data)
  data.end()
  const nonce = extensions.find(({ oid }) => oid === NONCE)
  return {
    tbs: tbs.raw,
    scheme: readScheme(algorithm),
    signature,
    responder,
    answers,
    nonce: nonce === undefined ? null : nonceOctets(nonce.value),
    unknownCritical: extensions.find(({ oid, critical }) => critical && oid !== NONCE)?.oid ?? null,
    certificates: certificates === null ? [] : readCertificates(certificates.content),
  }
}

function readResponder(data: DerReader): BasicOcspResponse['responder'] {
  const choice = data.next()
  switch (choice.tag) {
    case 0xa1:
      return { name: readName(choice.content).canonical }
    case 0xa2:
      return { keyHash: Buffer.from(readOnly(choice.content, TAG.OCTET_STRING).content).toString('hex') }
    default:
      throw new Malformed('a responder named in an unknown way')
  }
}

function readAnswer(fields: DerReader): OcspAnswer {
  const certificate = readCertId(fields.sequence())
  const status = readStatus(fields)
  const thisUpdate = timeValue(fields.next(TAG.GENERALIZED_TIME))
  const next = fields.optional(0xa0)
  const nextUpdate = next === null ? null : timeValue(readOnly(next.content, TAG.GENERALIZED_TIME))
  const extensions = readExplicitExtensions(fields)
  fields.end()
  const unknownCritical = extensions.find(({ critical }) => critical)?.oid ?? null
  return { certificate, ...status, thisUpdate, nextUpdate, unknownCritical }
}

function readStatus(fields: DerReader): Pick<OcspAnswer, 'status' | 'revokedAt' | 'reason'> {
  const choice = fields.next()
  switch (choice.tag) {
    case 0x80:
      return { status: 'good', revokedAt: null, reason: 0 }
    case 0xa1: {
      const info = new DerReader(choice.content)
      const revokedAt = timeValue(info.next(TAG.GENERALIZED_TIME))
      const reason = info.optional(0xa0)
      info.end()
      return { status: 'revoked', revokedAt, reason: reason === null ? 0 : readReason(reason.content) }
    }
    case 0x82:
      return { status: 'unknown', revokedAt: null, reason: 0 }
    default:
      throw new Malformed('an unknown certificate status')
  }
}

/** `[1] EXPLICIT Extensions`, in a response and in an answer alike. */
function readExplicitExtensions(fields: DerReader): readonly Extension[] {
  const extensions = fields.optional(0xa1)
  return extensions === null ? [] : readExtensions(extensions.content)
}

/** Responders older than RFC 6960 put the nonce's octets there without an OCTET STRING of their own. */
function nonceOctets(value: Uint8Array): Uint8Array {
  try {
    return readOnly(value, TAG.OCTET_STRING).content
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return value
  }
}

function readCertificates(content: Uint8Array): readonly Uint8Array[] {
  const list = new DerReader(readOnly(content, TAG.SEQUENCE).content)
  const certificates: Uint8Array[] = []
  while (!list.done) certificates.push(list.next(TAG.SEQUENCE).raw)
  if (certificates.length > MAX_CERTIFICATES) throw new Malformed(`${certificates.length} certificates`)
  return certificates
}
