import type { Place } from '../dns/index.ts'
import type { CertificateCode } from '../trust-anchors/index.ts'
import type { AddressCode, Reason } from './errors.ts'
import type { Evidence } from './evidence.ts'

/** One answer per address: what the EHR shows (lock, envelope, blocked, retry) and why. */
export type Route = 'direct' | 'tls' | 'insecure' | 'undetermined'

/** Why an address has its route: what is wrong with the address, or with the certificates found for it. */
export type RouteReason = Reason<AddressCode | CertificateCode> & {
  /** It may have another answer later. */
  readonly temporary?: true
}

/** `foundIn`: the place of DISC-1 that published it. `boundTo`: what its subjectAltName binds it to. */
export interface ChosenCertificate {
  /** Lower-case hex, as every `sha256` here. */
  readonly sha256: string
  readonly foundIn: Place['place']
  readonly boundTo: 'address' | 'domain'
  readonly notAfter: Date
}

/** How one address can be reached now, and why. */
export interface Recipient {
  /** As asked for, its domain in A-labels; what is no address stands here as it was given. */
  readonly address: string
  readonly route: Route
  /** False only when it is known that nothing usable is published; null where that is not known. */
  readonly directCapable: boolean | null
  /** Empty on the direct route. */
  readonly why: readonly RouteReason[]
  /** Those to encrypt to: one on the direct route, otherwise none. */
  readonly certificates: readonly ChosenCertificate[]
  /** The places of DISC-1 that were asked, in that order. */
  readonly evidence: readonly Evidence[]
  /** When this answer should be asked for anew. */
  readonly validUntil: Date
  /** One sentence each: for the person who writes, and for the administrator. */
  readonly forUser: string
  readonly forAdministrator: string
  /** What to do about it, for the administrator, one sentence for each cause; empty where nothing is to be done. */
  readonly advice: readonly string[]
}

/** All that was found for one address, whatever route it leads to. */
export interface Discovery {
  readonly address: string
  readonly places: readonly Evidence[]
  /** `sha256` of the certificate that a message would be encrypted to. */
  readonly chosen: string | null
  readonly outcome: 'direct' | 'none' | 'undetermined'
  /** These as of a `Recipient`. */
  readonly why: readonly RouteReason[]
  readonly validUntil: Date
  readonly forAdministrator: string
  readonly advice: readonly string[]
}
