import type { Failure } from '../failures.ts'
import { nameFor } from '../path/issuing.ts'
import type { Wanted } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type Answer, type Problem, reasonText, timeText } from './question.ts'
import type { RevocationStatus } from './types.ts'
import type { Prospect } from './urls.ts'

/** What one certificate came to. */
export type Outcome =
  | { readonly ok: true; readonly status: RevocationStatus; readonly wanted: readonly Wanted[] }
  | { readonly ok: false; readonly failure: Failure; readonly wanted: readonly Wanted[] }

/** Of the reasons why nothing is known; the first ones tell most. */
const MAX_TOLD = 4
export const NOTHING_KNOWN = { by: null, thisUpdate: null, nextUpdate: null, stale: false } as const

export const isPointed = (certificate: Certificate) =>
  certificate.crlDistributionPoints.length > 0 || certificate.ocspUrls.length > 0

export function goodStatus(
  certificate: Certificate,
  good: Extract<Answer, { kind: 'good' }>,
): RevocationStatus {
  const { by, origin, thisUpdate, nextUpdate, stale } = good
  return { certificate, status: 'good', by, text: origin, thisUpdate, nextUpdate, stale }
}

export function revokedFailure(
  certificate: Certificate,
  { at, reason, source }: Extract<Answer, { kind: 'revoked' }>,
): Failure {
  const text = `${nameFor(certificate)} was revoked on ${timeText(at)} (${reasonText(reason)}), says ${source}`
  return { code: 'CERT_REVOKED', text }
}

/** REVOCATION_UNKNOWN while a URL may still answer, or for good; URL_REFUSED where one that may not be asked is left. */
export function unknownFailure(
  certificate: Certificate,
  problems: readonly Problem[],
  { wanted, isOpen, failed, answered, refused }: Prospect,
): Failure {
  const said = problems.map(({ text }) => text)
  const told = [...failed, ...refused, ...(said.length > 0 ? said : answered)].slice(0, MAX_TOLD)
  const why = told.length > 0 ? told.join('; ') : nothingToAsk(certificate)
  const text = `whether ${nameFor(certificate)} is revoked is not known: ${why}`
  const mayPass =
    isOpen ||
    failed.length > 0 ||
    // What its CA publishes may be mended there; what is not supported here stays so.
    (wanted.length > 0 && (problems.length === 0 || problems.some(({ passing }) => passing)))
  if (mayPass) return { code: 'REVOCATION_UNKNOWN', text, temporary: true }
  return { code: refused.length > 0 ? 'URL_REFUSED' : 'REVOCATION_UNKNOWN', text }
}

const nothingToAsk = (certificate: Certificate) =>
  isPointed(certificate)
    ? 'it names no URL to ask, and no CRL at hand speaks of it'
    : 'it names neither a CRL nor an OCSP responder, and no CRL at hand speaks of it'

export const notChecked = (certificate: Certificate): RevocationStatus => ({
  certificate,
  ...NOTHING_KNOWN,
  status: 'not-checked',
  text: null,
})
