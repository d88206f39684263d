import type { Reason } from '../errors.ts'
import type { CertificateReason, Evidence, RevocationFacts } from '../evidence.ts'

/** What to explain: whether an address can be sent to, or whether what is in a file is believed. */
export type ExplainTarget = { readonly address: string } | { readonly path: string }

/** Whose anchors judge; without either, certificates in a file are judged for both uses. */
export interface ExplainOptions {
  /** The sender, whose outgoing anchors judge; for a certificate: only whether it may be encrypted to. */
  readonly from?: string
  /** Our recipient, whose incoming anchors judge; for a certificate: only whether its signatures are believed. */
  readonly for?: string
  readonly signal?: AbortSignal
}

/** Whether something is believed, and everything that was tried to find out; for the administrator alone. */
export interface Explanation {
  /** As it was asked for. */
  readonly target: string
  readonly outcome: 'trusted' | 'refused' | 'undetermined'
  /** Of an address without certificate, or of a message that could not be opened: why. Else the certificates tell. */
  readonly why: readonly Reason[]
  readonly anchors: readonly ApplicableAnchors[]
  /** Of an address: the places that were asked. */
  readonly places: readonly Evidence[]
  readonly judged: readonly ExplainedCertificate[]
  /** URLs out of certificates that were fetched for this, and what they gave. */
  readonly fetched: readonly FetchedUrl[]
  /** Of a CA: what it is to us. Of whoever leads to no anchor: which would fit, and why it does not count. One sentence each. */
  readonly notes: readonly string[]
  /** What to do, one sentence for each cause. */
  readonly advice: readonly string[]
}

/** The anchors that decide for one of our own addresses in one direction (TR-1). */
export interface ApplicableAnchors {
  readonly direction: 'incoming' | 'outgoing'
  /** An address of ours, or `*`. */
  readonly for: string
  readonly certificates: readonly NamedCertificate[]
  /** Bundles that belong here and were never had. */
  readonly missing: readonly string[]
}

/** A certificate of a path or among anchors, as people know it. */
export interface NamedCertificate {
  readonly sha256: string
  /** A CA's subject; else the addresses and domains that it is bound to. */
  readonly name: string
  readonly notAfter: Date
  /** Where it comes from, as far as that is known: a file, a bundle, an act of somebody. */
  readonly origins: readonly string[]
}

/** One certificate judged for one use. */
export interface ExplainedCertificate {
  readonly sha256: string
  readonly name: string
  /** `encrypt` to its owner, by outgoing anchors; believe what its owner `sign`ed, by incoming ones. */
  readonly purpose: 'encrypt' | 'sign'
  /** The partner for whom it was judged. */
  readonly address: string
  readonly verdict: 'usable' | 'refused' | 'undetermined'
  readonly boundTo: 'address' | 'domain' | null
  readonly why: readonly CertificateReason[]
  /** From the certificate to the anchor; empty unless it is usable. */
  readonly path: readonly NamedCertificate[]
  /** Of `path`, the anchor excepted. */
  readonly revocation: readonly RevocationFacts[]
  /** What the search for a path tried, from this certificate upward. */
  readonly tried: PathStep
}

/** A certificate on one of the ways that were tried, and whoever was tried as its issuer. */
export interface PathStep {
  readonly sha256: string
  readonly name: string
  readonly isAnchor: boolean
  /** Why the way ends here; null: it does not, or it went on. */
  readonly failure: Reason | null
  readonly issuers: readonly PathStep[]
}

/** One URL out of a certificate. */
export interface FetchedUrl {
  readonly url: string
  /** `refused` is final (protocol.md NET); `failed` may pass. */
  readonly status: 'ok' | 'refused' | 'failed'
  /** Null where it was had. */
  readonly text: string | null
}
