import type { Certificate } from '../x509/certificate.ts'
import type { RevocationContext, RevocationRequest } from './types.ts'

/** One certificate whose revocation is asked about, and what may be believed when the answer is looked for. */
export interface Question {
  readonly certificate: Certificate
  readonly issuer: Certificate
  /** From the issuer to the anchor: the search has found them valid. */
  readonly above: readonly Certificate[]
  readonly anchor: Certificate
  readonly request: RevocationRequest
  readonly context: RevocationContext
  /** One more signature check; what has been refused once stays refused, and the verdict is then `WORK_LIMIT`. */
  readonly spend: () => boolean
  /** What is known of the revocation of a CRL issuer's or responder's certificate, which is not in the path. */
  readonly standing: (certificate: Certificate, issuer: Certificate) => 'good' | 'revoked' | 'unknown'
}

/** Whether it came from a URL that the certificate itself names: nobody but its CA chose it. */
export const isOwn = ({ crlDistributionPoints, ocspUrls }: Certificate, origin: string): boolean =>
  ocspUrls.includes(origin) || crlDistributionPoints.some(({ urls }) => urls.includes(origin))

/** For sorting: what came from the certificate's own URLs first. */
export const ownFirst =
  (certificate: Certificate) =>
  (a: { readonly origin: string }, b: { readonly origin: string }): number =>
    Number(isOwn(certificate, b.origin)) - Number(isOwn(certificate, a.origin))

/** What is known of one certificate from the CRLs, or from the OCSP responses, that are at hand. */
export type Answer =
  | ({ readonly kind: 'good'; readonly by: 'crl' | 'ocsp'; readonly origin: string } & Spoken)
  | { readonly kind: 'revoked'; readonly at: Date; readonly reason: number; readonly source: string }
  | { readonly kind: 'unknown'; readonly problems: readonly Problem[] }

/** When what is said was said, and until when it holds. */
export interface Spoken {
  readonly thisUpdate: Date
  readonly nextUpdate: Date | null
  /** Past its nextUpdate, within the grace. */
  readonly stale: boolean
}

/** Why something at hand says nothing. */
export interface Problem {
  /** One sentence without its full stop. */
  readonly text: string
  /** Fetched again it may be better: it ended, or was broken on its way. */
  readonly passing: boolean
}

/** How far a CA's clock may be from ours. */
const SKEW_MS = 5 * 60_000
/** How long something speaks that does not say until when: RFC 5280 5.1.2.5 asks every CRL for it, RFC 6960 does not. */
const UNDATED_MS = 24 * 3_600_000

/** Whether it speaks at that time: `early` and `over` do not; `stale` does by the grace alone. */
export function periodAt(
  { thisUpdate, nextUpdate }: Pick<Spoken, 'thisUpdate' | 'nextUpdate'>,
  at: Date,
  graceMs: number,
): 'current' | 'stale' | 'over' | 'early' {
  if (thisUpdate.getTime() > at.getTime() + SKEW_MS) return 'early'
  const end = nextUpdate?.getTime() ?? thisUpdate.getTime() + UNDATED_MS
  if (at.getTime() <= end) return 'current'
  return at.getTime() <= end + graceMs ? 'stale' : 'over'
}

/** RFC 5280 5.3.1. A hold is the one revocation that can be taken back. */
export const CERTIFICATE_HOLD = 6
export const REMOVE_FROM_CRL = 8

const REASONS: Readonly<Record<number, string>> = {
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
}

/** A CRLReason by its name in RFC 5280 5.3.1. */
export const reasonText = (reason: number): string => REASONS[reason] ?? 'no reason given'

/** An hour is told, since CRLs end within days. */
export const timeText = (time: Date): string => time.toISOString().replace(/\.\d+/, '')
