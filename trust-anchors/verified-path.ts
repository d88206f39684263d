import type { Address } from '../agent/address.ts'
import {
  type CertificatePolicies,
  leafPolicyFailures,
  pathSettings,
  policyFor,
} from './certificate-policy.ts'
import type { Failure } from './failures.ts'
import { findPath } from './path/path.ts'
import type { PathRequest, PathResult } from './path/types.ts'
import type { RevocationRequest, RevocationStatus } from './revocation/types.ts'
import { bindingFailure, bindingOf, judgeLeaf, type Purpose } from './usable.ts'
import type { Wanted } from './wanted.ts'
import type { Certificate } from './x509/certificate.ts'
import { EMAIL_PROTECTION } from './x509/extensions.ts'

export interface VerificationContext {
  /** Where issuers may be found: what came with the certificate, or lay beside it. */
  readonly candidates: readonly Certificate[]
  readonly anchors: readonly Certificate[]
  /** As of `PathRequest`. */
  readonly believedAs?: PathRequest['believedAs']
  /** The time of processing (CERT-2), never a claimed signing time. */
  readonly at: Date
  /** `legacy.sha1From` names this partner (ALG-4). */
  readonly sha1: boolean
  /** `legacy.subjectEmail` (CERT-1). */
  readonly subjectEmail: boolean
  /** Absent: revocation is not checked, and the path says so. */
  readonly revocation?: RevocationRequest
  /** What the configuration asks beyond the protocol's rules. Absent: nothing more. */
  readonly policies?: CertificatePolicies
  readonly trace?: PathRequest['trace']
}

export type Verification<P extends Purpose> =
  | { readonly ok: true; readonly path: VerifiedPath<P>; readonly wanted: readonly Wanted[] }
  | {
      readonly ok: false
      readonly failures: readonly [Failure, ...Failure[]]
      /** Nothing final is wrong: the same question may have another answer later. */
      readonly temporary: boolean
      /** What the network could give that may change the answer; empty where something final is wrong. */
      readonly wanted: readonly Wanted[]
    }

/**
 * A certificate that is usable for Direct: for one purpose, one address, at one time, up to one anchor. Only
 * `verifyCertificate` makes one, so that to hold it is to have checked.
 */
export class VerifiedPath<P extends Purpose> {
  /** Keeps look-alikes out: no object literal has it. */
  readonly #verified = true
  readonly purpose: P
  readonly address: Address
  readonly at: Date
  readonly leaf: Certificate
  /** Leaf to anchor, both included; one alone where the leaf is an anchor. */
  readonly certificates: readonly [Certificate, ...Certificate[]]
  readonly anchor: Certificate
  readonly boundTo: 'address' | 'domain'
  /** The name in the certificate that binds it, as written there. */
  readonly boundName: string
  /** One for each certificate but the anchor, leaf first (CERT-7); where the leaf is the anchor, its own, `not-checked`. */
  readonly revocation: readonly RevocationStatus[]

  private constructor(
    purpose: P,
    address: Address,
    at: Date,
    { certificates, revocation }: Extract<PathResult, { ok: true }>,
    binding: { readonly boundTo: 'address' | 'domain'; readonly name: string },
  ) {
    this.purpose = purpose
    this.address = address
    this.at = at
    this.leaf = certificates[0]
    this.certificates = certificates
    this.anchor = certificates.at(-1) as Certificate
    this.revocation = revocation
    this.boundTo = binding.boundTo
    this.boundName = binding.name
  }

  /** What was not checked: `revocation` where it was off, not known and let pass (CERT-7), or not asked of an anchor. */
  get unchecked(): readonly string[] {
    const unchecked = this.revocation.some(({ status }) => status === 'not-checked' || status === 'unknown')
    return unchecked ? ['revocation'] : []
  }

  /** @internal Use `verifyCertificate`. */
  static verify<P extends Purpose>(
    purpose: P,
    address: Address,
    leaf: Certificate,
    context: VerificationContext,
  ): Verification<P> {
    const binding = bindingOf(leaf, address, context)
    const { candidates, anchors, believedAs, at, sha1, policies, revocation, trace } = context
    const policy = policyFor(purpose, policies ?? {})
    const path = findPath({
      leaf,
      candidates,
      anchors,
      at,
      settings: {
        sha1,
        signatureAlgorithms: 'direct',
        extendedKeyUsage: [EMAIL_PROTECTION],
        subjectNames: context.subjectEmail,
        ...pathSettings(policy),
      },
      ...(believedAs !== undefined && { believedAs }),
      ...(revocation && { revocation }),
      ...(trace && { trace }),
    })
    const ofLeaf = judgeLeaf(purpose, leaf, {
      at: context.at,
      notBound: binding === null ? bindingFailure(leaf, address) : null,
      isAnchor: context.anchors.some((anchor) => anchor.sha256 === leaf.sha256),
    })
    const failures = [...ofLeaf, ...leafPolicyFailures(leaf, policy)]
    const ofPath = path.ok ? null : path.failure
    if (failures.length > 0 || binding === null || !path.ok) {
      // Beside what is final, what may pass is no reason any more.
      const isReason = ofPath !== null && !(ofPath.temporary && failures.length > 0)
      const all = isReason ? [...failures, ofPath] : failures
      const temporary = all.every((failure) => failure.temporary)
      const wanted = failures.length === 0 && !path.ok ? path.wanted : []
      return { ok: false, failures: all as [Failure, ...Failure[]], temporary, wanted }
    }
    return { ok: true, path: new VerifiedPath(purpose, address, at, path, binding), wanted: path.wanted }
  }

  /** Whether a value is one of these; for callers whose types were lost on the way. */
  static is(value: object): value is VerifiedPath<Purpose> {
    return #verified in value
  }
}

/**
 * Judges one certificate for one address (CERT-1 to 6, ALG keys): all that is wrong with it, or the path.
 *
 * Order of the failures: dates first, since an expired certificate was right once and its owner need only
 * renew it; then whose it is (CERT_NOT_BOUND, CERT_IS_CA); then what it is good for (KEY_WEAK or
 * NOT_SUPPORTED, KEY_USAGE, EXT_KEY_USAGE), by the protocol and by the configuration; the path last. The
 * further down, the more of the fault may lie with our own configuration instead of the certificate.
 */
export function verifyCertificate<P extends Purpose>(
  purpose: P,
  address: Address,
  leaf: Certificate,
  context: VerificationContext,
): Verification<P> {
  return VerifiedPath.verify(purpose, address, leaf, context)
}
