import type { Failure } from '../failures.ts'
import type { BelievedAs, RevocationRequest, RevocationStatus } from '../revocation/types.ts'
import type { Wanted } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { AcceptedAlgorithms } from '../x509/signature.ts'

/** Everything that decides about a path: no clock, no network, no cache. */
export interface PathRequest {
  readonly leaf: Certificate
  /** Where issuers may be found, in any order; hostile ones do no harm. */
  readonly candidates: readonly Certificate[]
  readonly anchors: readonly Certificate[]
  /** How the leaf came to be among the anchors. Absent: it is itself a trust anchor, until somebody removes it. */
  readonly believedAs?: BelievedAs
  /** The time of processing (CERT-2). */
  readonly at: Date
  /** What is left out is as RFC 5280 6.1.1 has it for a caller without wishes. */
  readonly settings?: Partial<PathSettings>
  /** Absent: not checked, and said so. */
  readonly revocation?: RevocationRequest
  /** Told of every attempt, in order; for `trust explain`. */
  readonly trace?: (attempt: Attempt) => void
}

/** The inputs of RFC 5280 6.1.1 (c) to (g), and the rest that a caller may ask of a path. */
export interface PathSettings extends AcceptedAlgorithms {
  /** OIDs; default anyPolicy alone. */
  readonly initialPolicySet: readonly string[]
  readonly requireExplicitPolicy: boolean
  readonly inhibitPolicyMapping: boolean
  readonly inhibitAnyPolicy: boolean
  /** Most intermediates that are not self-issued, the anchor not counted. Default null: our own bound alone. */
  readonly maxIntermediates: number | null
  /**
   * OIDs that every certificate with an extendedKeyUsage must allow, the anchor's too; null (default): not looked at.
   * `findPath` leaves the leaf's own to `usable.ts`.
   */
  readonly extendedKeyUsage: readonly string[] | null
  /** CAs, by name and key: one of them must be in the path above the leaf. Null (default): anybody may be. */
  readonly issuers: readonly Certificate[] | null
  /** A subjectAltName entry that the leaf must have; null (default): not looked at. Wildcards are not expanded. */
  readonly name: ExpectedName | null
  /** The subject's common names count as addresses and domains (CERT-1), so they are constrained too. Default false. */
  readonly subjectNames: boolean
}

export interface ExpectedName {
  readonly kind: 'RFC822' | 'DNS' | 'IP'
  readonly value: string
}

/** `certificates` runs from the leaf to the anchor, both included; one alone where the leaf is an anchor. */
export type PathResult =
  | {
      readonly ok: true
      readonly certificates: readonly [Certificate, ...Certificate[]]
      /** One for each certificate but the anchor, leaf first; where the leaf is the anchor, its own, `not-checked`. */
      readonly revocation: readonly RevocationStatus[]
      /** What the network could still give; with `prefer` it may change the answer. */
      readonly wanted: readonly Wanted[]
      readonly work: Work
    }
  | {
      readonly ok: false
      readonly failure: Failure
      readonly wanted: readonly Wanted[]
      readonly work: Work
    }

/** What a search came to in work: the tests count it. */
export interface Work {
  /** Signature checks made, those of CRLs and OCSP responses included. */
  readonly signatures: number
  /** Issuers tried; 256 comparisons of names or policies count as one more. */
  readonly steps: number
}

/** One step of a search. */
export interface Attempt {
  /** From the leaf as far as the search had come. */
  readonly path: readonly [Certificate, ...Certificate[]]
  /** Who was tried as the issuer of the last one; null: the attempt is about the last one itself. */
  readonly issuer: Certificate | null
  readonly isAnchor: boolean
  /** Null: this step holds. */
  readonly failure: Failure | null
}
