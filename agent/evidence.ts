import type { Place } from '../dns/index.ts'
import type { CertificateCode, RevocationStatus } from '../trust-anchors/index.ts'
import type { Reason } from './errors.ts'

/** One place that was asked, or not, and the verdict on everything it published. */
export interface Evidence {
  readonly place: Place['place']
  /** What was asked for there: a DNS name, an address, a file, or the cert server. */
  readonly owner: string
  readonly status: Place['status']
  /** Of `failed`: everyone there refused to answer, or NET forbids to contact anyone (`guard`). */
  readonly refusedBy?: Place['refusedBy']
  readonly certificates: readonly JudgedCertificate[]
  /** URLs that were published in place of certificates, and gave none. */
  readonly unread: Place['unread']
  /** Each question put there, and what came. */
  readonly questions: Place['questions']
  /** What was passed over, or why nothing was asked: for an administrator. */
  readonly notes: readonly string[]
}

/** Why a certificate may not be used; `temporary` marks what may have another answer later. */
export type CertificateReason = Reason<CertificateCode> & { readonly temporary?: true }

/** What is known about the revocation of one certificate (CERT-7). Revoked ones are a reason instead. */
export interface RevocationFacts extends Omit<RevocationStatus, 'certificate'> {
  readonly sha256: string
}

/** One certificate that was found, and whether it can be encrypted to. */
export interface JudgedCertificate {
  /** Lower-case hex. */
  readonly sha256: string
  readonly usable: boolean
  /** The one to encrypt to, of those that are usable (MSG-9). */
  readonly chosen: boolean
  /** Null: to neither the address asked about nor its domain (CERT-1). */
  readonly boundTo: 'address' | 'domain' | null
  readonly notAfter: Date
  /** Empty when usable; otherwise the most specific reason first. */
  readonly why: readonly CertificateReason[]
  /** What was not checked, e.g. `revocation`. */
  readonly unchecked: readonly string[]
  /** Of its path, the anchor excepted, the certificate itself first; empty when it is not usable. */
  readonly revocation: readonly RevocationFacts[]
}
