import type { Failure } from './failures.ts'
import { Certificate, parseCertificate } from './x509/certificate.ts'
import { readCertsOnly } from './x509/certs-only.ts'
import { otherKind } from './x509/other-kinds.ts'
import { readPem } from './x509/pem.ts'

const LIMIT = { bytes: 64 << 10, count: 32 } as const

/**
 * What a caIssuers URL gave (CERT-8, RFC 5280 4.2.2.1): one DER certificate, certificates as PEM, or a certs-only CMS
 * (p7c), DER, BER or PEM; at most 64 KiB and 32 certificates. One that cannot be read beside others is passed over;
 * none at all is `CERT_MALFORMED`. They are candidates and no more: nothing about them is believed.
 */
export function readIssuers(bytes: Uint8Array): readonly Certificate[] | Failure {
  if (bytes.length > LIMIT.bytes)
    return malformed(`issuers in ${bytes.length} bytes; the limit is ${LIMIT.bytes}`)
  const blocks = readPem(bytes, ['CERTIFICATE', 'X509 CERTIFICATE', 'PKCS7', 'CMS'])
  const certificates: Certificate[] = []
  let failure: Failure | null = null
  let isCms = false
  for (const block of blocks.length > 0 ? blocks : [bytes]) {
    const inside = readCertsOnly(block, LIMIT)
    if (inside !== null && 'code' in inside) {
      failure ??= inside
      isCms = true
      continue
    }
    const ders = inside ?? [block]
    for (const der of ders.slice(0, LIMIT.count - certificates.length)) {
      const certificate = parseCertificate(der)
      if (certificate instanceof Certificate) certificates.push(certificate)
      else failure ??= certificate
    }
  }
  if (certificates.length > 0) return certificates
  // A CMS that is too long is a p7c all the same.
  const other = isCms ? null : otherKind(bytes)
  if (other !== null) return malformed(`it is ${other}, and no certificate`)
  return malformed(`no certificate, as DER, PEM or p7c${failure === null ? '' : ` (${failure.text})`}`)
}

function malformed(text: string): Failure {
  return { code: 'CERT_MALFORMED', text }
}
