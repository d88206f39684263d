import type { CertificateCode } from '../../trust-anchors/index.ts'
import type { AddressCode, ExpiryCode, MessageCode } from '../errors.ts'

type Code = CertificateCode | AddressCode | MessageCode | ExpiryCode | 'PASSED_OVER' | 'SELF_SIGNED'

/** RFC 3463: which status a failure notice gives for a reason of ours (N-8). Whatever is not here is other. */
const STATUS: Readonly<Partial<Record<Code, string>>> = {
  // No certificate that could be used.
  NO_CERTIFICATE: '5.7.4',
  CERT_MALFORMED: '5.7.4',
  CERT_NOT_YET_VALID: '5.7.4',
  CERT_EXPIRED: '5.7.4',
  CERT_REVOKED: '5.7.4',
  REVOCATION_UNKNOWN: '5.7.4',
  CERT_NOT_BOUND: '5.7.4',
  CERT_IS_CA: '5.7.4',
  KEY_USAGE: '5.7.4',
  EXT_KEY_USAGE: '5.7.4',
  KEY_WEAK: '5.7.4',
  SIGNATURE_WEAK: '5.7.4',
  UNKNOWN_CRITICAL_EXTENSION: '5.7.4',
  NOT_SUPPORTED: '5.7.4',
  // One that is not trusted.
  BAD_SIGNATURE: '5.7.1',
  UNKNOWN_ISSUER: '5.7.1',
  PASSED_OVER: '5.7.1',
  SELF_SIGNED: '5.7.1',
  ISSUER_NOT_CA: '5.7.1',
  PATH_LENGTH: '5.7.1',
  NAME_CONSTRAINT: '5.7.1',
  POLICY: '5.7.1',
  NO_ANCHORS: '5.7.1',
  SIGNER_UNTRUSTED: '5.7.1',
  // Ours is what failed.
  STORE_DAMAGED: '5.3.0',
  // No answer in time.
  NOT_HANDED_OVER_IN_TIME: '5.4.7',
  NO_PROCESSED_IN_TIME: '5.4.7',
  NO_DISPATCHED_IN_TIME: '5.4.7',
}

export function statusOf(code: string): string {
  return (STATUS as Readonly<Record<string, string>>)[code] ?? '5.0.0'
}
