import { createHash } from 'node:crypto'
import type { Failure } from '../failures.ts'
import { type Crl, parseCrl } from '../revocation/crl.ts'
import { type ListedEntry, listEntries } from '../revocation/crl-entries.ts'
import { reasonText } from '../revocation/question.ts'
import { Certificate, type PublicKeyFacts, parseCertificate } from '../x509/certificate.ts'
import { readCertsOnly } from '../x509/certs-only.ts'
import { type DescribedExtension, describeExtensions } from '../x509/describe.ts'
import { otherKind } from '../x509/other-kinds.ts'
import { readPem } from '../x509/pem.ts'

/** What a certificate says, in words. Nothing is verified: neither its signature, nor its dates, nor who issued it. */
export interface DescribedCertificate {
  readonly kind: 'certificate'
  readonly sha256: string
  /** Lower-case hex of the DER, as older programs show it. */
  readonly sha1: string
  readonly version: number
  /** Hex of the INTEGER's octets. */
  readonly serialNumber: string
  readonly subject: string
  readonly issuer: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly key: Pick<PublicKeyFacts, 'type' | 'bits' | 'curve'> & { readonly exponent?: string }
  readonly signature: { readonly algorithm: string; readonly digest: string | null }
  readonly isCa: boolean
  readonly extensions: readonly DescribedExtension[]
}

export interface DescribedCrl {
  readonly kind: 'crl'
  readonly sha256: string
  readonly issuer: string
  readonly thisUpdate: Date
  readonly nextUpdate: Date | null
  /** CRLNumber, decimal; null: it has none. */
  readonly number: string | null
  /** Of a delta: the number of the complete CRL that it is to. */
  readonly base: string | null
  /** How many it revokes; null: its entries cannot be read, and `problem` says why. */
  readonly entries: number | null
  /** The first thousand of them, as they stand. */
  readonly revoked: readonly RevokedSerial[]
  readonly problem: string | null
}

export interface RevokedSerial {
  /** Hex of the INTEGER's octets, as a certificate's `serialNumber`. */
  readonly serialNumber: string
  readonly revokedAt: Date
  readonly reason: string
}

export interface Unreadable extends Failure {
  readonly kind: 'unreadable'
}

export type Described = DescribedCertificate | DescribedCrl | Unreadable

const MOST_REVOKED = 1000
const LIMIT = { bytes: 16 << 20, count: 5_000 } as const
const LABELS = ['CERTIFICATE', 'X509 CERTIFICATE', 'PKCS7', 'CMS', 'X509 CRL']

/**
 * Describes whatever is in a file of certificates: DER, PEM with one or several, certs-only CMS (p7b, p7c), CRLs. One
 * that cannot be read is told in its place. A file without any is one that cannot be read.
 */
export function describeFile(bytes: Uint8Array): readonly [Described, ...Described[]] {
  const blocks = readPem(bytes, LABELS)
  const [first, ...others] = (blocks.length > 0 ? blocks : [bytes]).flatMap(describeBlock)
  return [first ?? unreadable({ code: 'CERT_MALFORMED', text: 'it holds no certificate' }), ...others]
}

function describeBlock(block: Uint8Array): readonly Described[] {
  const inside = readCertsOnly(block, LIMIT)
  if (inside !== null && 'code' in inside) return [unreadable(inside)]
  return (inside ?? [block]).map((der) => {
    const certificate = parseCertificate(der)
    if (certificate instanceof Certificate) return describeCertificate(certificate)
    const crl = parseCrl(der)
    if (!('code' in crl)) return describeCrl(crl)
    const other = otherKind(der)
    return unreadable(
      other === null ? certificate : { ...certificate, text: `it is ${other}, which is not shown` },
    )
  })
}

function describeCertificate(certificate: Certificate): DescribedCertificate {
  const { sha256, der, version, serialHex, subjectText, issuerText, notBefore, notAfter, isCa } = certificate
  const { exponent, ...key } = certificate.key
  const { algorithm, digest } = certificate.signature
  return {
    kind: 'certificate',
    sha256,
    sha1: createHash('sha1').update(der).digest('hex'),
    version,
    serialNumber: serialHex,
    subject: subjectText,
    issuer: issuerText,
    notBefore,
    notAfter,
    key: { ...key, ...(exponent !== undefined && { exponent: exponent.toString() }) },
    signature: { algorithm, digest },
    isCa,
    extensions: describeExtensions(certificate),
  }
}

function describeCrl(crl: Crl): DescribedCrl {
  const { sha256, issuer, thisUpdate, nextUpdate, number, base } = crl
  const listed = listEntries(crl, MOST_REVOKED)
  const entries =
    typeof listed === 'string'
      ? { entries: null, revoked: [], problem: `it ${listed}` }
      : { entries: listed.count, revoked: listed.first.map(describeRevoked), problem: null }
  return {
    ...{ kind: 'crl', sha256, issuer: issuer.text, thisUpdate, nextUpdate },
    ...{ number: number?.toString() ?? null, base: base?.toString() ?? null },
    ...entries,
  }
}

function describeRevoked({ serialHex, revokedAt, reason }: ListedEntry): RevokedSerial {
  return { serialNumber: serialHex, revokedAt, reason: reasonText(reason) }
}

function unreadable({ code, text }: Failure): Unreadable {
  return { kind: 'unreadable', code, text }
}
