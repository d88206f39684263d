import type { Failure } from '../failures.ts'
import type { Wanted } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { AcceptedAlgorithms } from '../x509/signature.ts'
import type { Crl } from './crl.ts'
import type { OcspResponse } from './ocsp.ts'

/** CERT-7. `require`: what cannot be had now stops the path. `prefer`: it is accepted, and recorded. */
export type RevocationMode = 'require' | 'prefer' | 'off'

export interface RevocationRequest {
  readonly mode: RevocationMode
  readonly material: RevocationMaterial
  /**
   * How long past its nextUpdate a CRL still speaks that was fetched from a URL of the certificate, in milliseconds;
   * 0 for material that a caller hands in to be judged.
   */
  readonly graceMs: number
  /**
   * What a certificate without CRL distribution point and OCSP URL is when nothing at hand speaks of it:
   * `not-revocable` (CERT-7), or `unknown` for callers who hand in all the CRLs that there are (RFC 5280 6.3).
   */
  readonly unpointed: 'not-revocable' | 'unknown'
}

/**
 * What is at hand: from the message, a cache or the network. Nothing in it is believed before it has been checked.
 * `origin`: the very URL that it was fetched from, now or earlier; of anything else, words that say whence it came.
 */
export interface RevocationMaterial {
  readonly crls: readonly { readonly crl: Crl; readonly origin: string }[]
  readonly ocsp: readonly {
    readonly response: OcspResponse
    readonly origin: string
    /** What our request carried; a response that has another nonce is not the answer to it. Null: nothing was asked. */
    readonly nonce: Uint8Array | null
  }[]
  /** By `wantedKey`. */
  readonly unavailable: ReadonlyMap<string, Unavailable>
  /** What URLs of issuers gave (CERT-8); the certificates are among the candidates as well. */
  readonly issuers: ReadonlyMap<string, readonly Certificate[]>
}

/** A URL that gave nothing. */
export interface Unavailable {
  /** Final (NET). */
  readonly refused: boolean
  /** Why, as a clause that does not name it. */
  readonly text: string
  /** A bound of ours kept it from being asked, or waited for: in `prefer` too nothing passes for that. */
  readonly unasked?: boolean
}

export const NO_MATERIAL: RevocationMaterial = {
  crls: [],
  ocsp: [],
  unavailable: new Map(),
  issuers: new Map(),
}

/** What is known of one certificate's revocation. Revoked ones are failures, not a status. */
export interface RevocationStatus {
  readonly certificate: Certificate
  /** `not-checked`: mode `off`, or the leaf is itself the anchor. `unknown`: mode `prefer` alone lets it pass. */
  readonly status: 'good' | 'not-revocable' | 'unknown' | 'not-checked'
  /** What said so. */
  readonly by: 'crl' | 'ocsp' | null
  /** The `origin` of what said so; for `unknown`, and for an anchor, a sentence that says why. */
  readonly text: string | null
  /** When what said so was made, and until when it speaks; null: it does not say, or nothing was said. */
  readonly thisUpdate: Date | null
  readonly nextUpdate: Date | null
  /** It spoke past its nextUpdate, by the grace. */
  readonly stale: boolean
}

/** A leaf that is itself the anchor: why, as a clause (`it is pinned …`), and until when; null: no end is known. */
export interface BelievedAs {
  readonly text: string
  readonly until: Date | null
}

/** What judging a path's revocation asks of whoever searched the path. */
export interface RevocationContext {
  readonly at: Date
  /** How a leaf that is itself the anchor came to be one. */
  readonly believedAs: BelievedAs
  /** Signatures on CRLs and OCSP responses are accepted as on the certificates of the path (ALG). */
  readonly algorithms: AcceptedAlgorithms
  /** Where the certificates of CRL issuers and OCSP responders may be found, beside those inside a response. */
  readonly candidates: readonly Certificate[]
  /**
   * Whether a CRL issuer's or responder's certificate leads to this very anchor (RFC 5280 6.3.3 f), its own revocation
   * not asked. Shares the search's budget.
   */
  readonly leadsTo: (certificate: Certificate, anchor: Certificate) => boolean
  /** Asks for one more signature check within the search's budget; false: it is used up (`WORK_LIMIT`). */
  readonly spend: () => boolean
}

/**
 * `wanted` of an `ok`: what is newer than what has spoken (deltas; the certificate's own URLs where something spoke that
 * has ended or is from elsewhere), and, with `prefer`, what may tell more. Nothing has to be waited for. What is wanted
 * though it has answered already did not help: a cache may have given it, and the network gives better.
 */
export type RevocationVerdict =
  | {
      readonly ok: true
      readonly statuses: readonly RevocationStatus[]
      readonly wanted: readonly Wanted[]
    }
  | { readonly ok: false; readonly failure: Failure; readonly wanted: readonly Wanted[] }
