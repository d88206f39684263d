import type { Reason } from '../agent/errors.ts'

/** protocol.md, Codes: certificates. */
export type CertificateCode =
  | 'CERT_MALFORMED'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_EXPIRED'
  | 'CERT_REVOKED'
  | 'REVOCATION_UNKNOWN'
  | 'CERT_NOT_BOUND'
  | 'CERT_IS_CA'
  | 'KEY_USAGE'
  | 'EXT_KEY_USAGE'
  | 'KEY_WEAK'
  | 'SIGNATURE_WEAK'
  | 'BAD_SIGNATURE'
  | 'UNKNOWN_ISSUER'
  | 'ISSUER_NOT_CA'
  | 'PATH_LENGTH'
  | 'NAME_CONSTRAINT'
  | 'POLICY'
  | 'UNKNOWN_CRITICAL_EXTENSION'
  | 'WORK_LIMIT'
  | 'NO_ANCHORS'
  | 'URL_REFUSED'
  | 'NOT_SUPPORTED'

/** Why a certificate may not be used, with its facts. */
export interface Failure extends Reason<CertificateCode> {
  /** The same question may have another answer later: a host that did not answer, say. Absent: final. */
  readonly temporary?: true
}
