import type { NewAuditRow, Store } from '../../store/index.ts'
import type { Certificate, CertificatePolicy } from '../../trust-anchors/index.ts'
import type { Settings } from '../settings.ts'
import type { TrustState } from '../trust/entries.ts'

/** What asking for certificates, taking and listing them asks of its neighbours. */
export interface IdentityTools {
  readonly settings: Pick<Settings, 'identities' | 'dataDir'>
  /** `certificatePolicy.own`. */
  readonly policy: () => Promise<CertificatePolicy>
  readonly trust: () => Promise<TrustState>
  /** Certificates at hand that may complete a path. */
  readonly candidates: () => Promise<readonly Certificate[]>
  /** Made where there is none: who asked for a certificate has to last. */
  readonly store: () => Promise<Store>
  /** The clock on the wall. */
  readonly now: () => Date
  /** The time to judge certificates by. */
  readonly at: () => Date
}

/** A row about a certificate of ours. */
export function auditRow(row: {
  readonly at: Date
  readonly event: 'certificate-requested' | 'certificate-imported'
  readonly actor: string
  readonly name: string
  readonly certificate: string | null
  readonly text: string
}): NewAuditRow {
  const { at, event, actor, name, certificate, text } = row
  return {
    at,
    event,
    actor,
    messageId: null,
    from: null,
    address: name,
    route: null,
    certificate,
    documents: [],
    patient: null,
    outcome: null,
    why: [{ code: 'BY_HAND', text }],
  }
}
