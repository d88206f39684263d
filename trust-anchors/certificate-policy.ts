import type { KeyUsage } from './x509/extensions.ts'

/** What an administrator asks of certificates beyond the protocol's own rules. All that is given must hold. */
export interface CertificatePolicy {
  /** Every one of these must be allowed; a certificate without keyUsage allows all. */
  readonly keyUsage?: readonly KeyUsage[]
  /** OIDs: the path must be valid for at least one of them (RFC 5280 6.1, as initial policy set, explicit). */
  readonly policies?: readonly string[]
  readonly minRsaBits?: number
  /** SHA-256 of CA certificates, lower-case hex: one of them must be in the path above the leaf. */
  readonly issuers?: readonly string[]
}

/** Per use: to encrypt to, to believe a signature of, to use as our own. */
export interface CertificatePolicies {
  readonly encrypt?: CertificatePolicy
  readonly verify?: CertificatePolicy
  readonly own?: CertificatePolicy
}
