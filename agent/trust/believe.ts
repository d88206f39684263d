import type {
  Certificate,
  CertificateCode,
  CertificatePolicies,
  Purpose,
  RevocationStatus,
  Verification,
} from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { RevocationFacts } from '../evidence.ts'
import type { CertificateLegacy } from '../settings.ts'
import type { Trust } from './current.ts'
import type { Judge, JudgeContext } from './judge.ts'

/** What decides about partners' certificates beside the certificates themselves. */
export interface BeliefTools {
  readonly judge: Judge
  /** Read anew for each address and message: an anchor that was taken away counts at once. */
  readonly trust: (signal?: AbortSignal) => Promise<Trust>
  readonly policies: CertificatePolicies
  readonly legacy: CertificateLegacy
}

/** One question about a partner's certificate. `anchors`: those of ours whom it concerns (TR-2, DISC-10). */
export interface BeliefContext
  extends Pick<JudgeContext, 'candidates' | 'anchors' | 'at' | 'material' | 'patienceMs' | 'allowance'> {
  readonly trust: Trust
  /** Bundles beside `anchors` that were never had (`AnchorSets.missing`): while there are any, no trust is no final no. */
  readonly missing: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/**
 * Whether a partner's certificate may be used, by all that is configured. One that is pinned to the partner is an anchor
 * for itself, and for nothing else (TR-5).
 */
export async function believe<P extends Purpose>(
  purpose: P,
  partner: Address,
  leaf: Certificate,
  { trust, missing, signal, ...context }: BeliefContext,
  { judge, policies, legacy }: BeliefTools,
): Promise<Verification<P>> {
  const pin = trust.pinned(partner).find(({ certificate }) => certificate.sha256 === leaf.sha256)
  const isAnchor = context.anchors.some(({ sha256 }) => sha256 === leaf.sha256)
  const verdict = await judge(purpose, partner, leaf, {
    ...context,
    ...(pin !== undefined &&
      !isAnchor && {
        anchors: [...context.anchors, leaf],
        believedAs: {
          text: `it is pinned to ${partner} by ${pin.actor} until ${pin.until.toISOString()}`,
          until: pin.until,
        },
      }),
    sha1: legacy.sha1From.includes(partner.domain),
    subjectEmail: legacy.subjectEmail,
    policies,
    ...(signal && { signal }),
  })
  return unlessMissing(verdict, missing)
}

/** What answers say of the revocation of a path's certificates. */
export function describeRevocation(statuses: readonly RevocationStatus[]): readonly RevocationFacts[] {
  return statuses.map(({ certificate, status, by, text, thisUpdate, nextUpdate, stale }) => ({
    sha256: certificate.sha256,
    status,
    by,
    text,
    thisUpdate,
    nextUpdate,
    stale,
  }))
}

/**
 * A no for want of an anchor is not final while a bundle that belongs there was never had (`AnchorSets.missing`): the
 * anchor may be in it.
 */
export function unlessMissing<P extends Purpose>(
  verdict: Verification<P>,
  missing: readonly string[],
): Verification<P> {
  if (verdict.ok || missing.length === 0) return verdict
  const [first, ...others] = verdict.failures.map((failure) =>
    WANTING_ANCHOR.has(failure.code)
      ? { ...failure, text: `${failure.text}; ${missing.join('; ')}`, temporary: true as const }
      : failure,
  )
  if (first === undefined) return verdict
  const failures = [first, ...others] as const
  return { ...verdict, failures, temporary: failures.every((failure) => failure.temporary) }
}

const WANTING_ANCHOR: ReadonlySet<string> = new Set<CertificateCode>(['UNKNOWN_ISSUER', 'NO_ANCHORS'])
