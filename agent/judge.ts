import type { Certificate, Purpose, Verification, VerificationContext } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'

/** `verifyCertificate`, with what it wants fetched: issuers (CERT-8), CRLs and OCSP responses (CERT-7). */
export type Judge = <P extends Purpose>(
  purpose: P,
  address: Address,
  leaf: Certificate,
  context: JudgeContext,
) => Promise<Verification<P>>

export interface JudgeContext extends Omit<VerificationContext, 'revocation'> {
  /** What came with the message (RFC 5652 10.2.1): as bytes, DER. */
  readonly material?: { readonly crls: readonly Uint8Array[]; readonly ocsp: readonly Uint8Array[] }
  readonly signal?: AbortSignal
}
