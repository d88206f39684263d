import type { ExplainedCertificate } from '../../agent/index.ts'
import { short } from '../printable.ts'

/** What is known of one certificate's revocation, on one line. */
export function revocationText(facts: ExplainedCertificate['revocation'][number]): string {
  const { sha256, status, by, text, thisUpdate, nextUpdate, stale } = facts
  const said = by === null ? text : `by ${by} of ${text ?? 'nobody'}`
  const made = thisUpdate === null ? '' : `, made ${thisUpdate.toISOString()}`
  // Of what was not asked, the text says until when.
  const until =
    nextUpdate === null || by === null ? '' : `, until ${nextUpdate.toISOString()}${stale ? ' (past)' : ''}`
  return `revocation of ${short(sha256)}: ${status}${said === null ? '' : ` (${said}${made}${until})`}`
}
