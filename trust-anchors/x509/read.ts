import type { Failure } from '../failures.ts'
import { Certificate, parseCertificate } from './certificate.ts'
import { otherKind } from './other-kinds.ts'
import { readPem } from './pem.ts'

/** The second is OpenSSL's old one (RFC 7468 5.1). */
const LABELS = ['CERTIFICATE', 'X509 CERTIFICATE']

/**
 * The certificates of a file, in its order: PEM (one or several, other text and blocks are passed over) or
 * one DER certificate. A file without any, or with one that cannot be read, is a failure that says which.
 */
export function readCertificates(file: Uint8Array): readonly Certificate[] | Failure {
  const blocks = readPem(file, LABELS)
  if (blocks.length === 0) {
    const certificate = parseCertificate(file)
    if (certificate instanceof Certificate) return [certificate]
    const other = otherKind(file)
    const text =
      other === null
        ? `neither PEM certificates nor one DER certificate (${certificate.text})`
        : `it is ${other}`
    return { code: 'CERT_MALFORMED', text }
  }
  const certificates: Certificate[] = []
  for (const [i, block] of blocks.entries()) {
    const certificate = parseCertificate(block)
    if (!(certificate instanceof Certificate)) {
      return { code: certificate.code, text: `certificate ${i + 1} of ${blocks.length}: ${certificate.text}` }
    }
    certificates.push(certificate)
  }
  return certificates
}

/** PEM of one certificate (RFC 7468), with a final line end. */
export function toPem(der: Uint8Array, label = 'CERTIFICATE'): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
