import type { KnownCertificate } from '../../store/index.ts'
import type { ChosenCertificate, Recipient, Route, RouteReason } from '../recipient-types.ts'

/** What is new about an address since it was last asked about. */
export interface Change {
  /** As asked for, its domain in A-labels. */
  readonly address: string
  /** `ends-within`: the certificate to encrypt to ends within the days asked for; told once for each certificate. */
  readonly change: 'became-direct' | 'lost-direct' | 'ends-within'
  /** Now; never `undetermined`. */
  readonly route: Route
  /** Of `lost-direct`, what stands in the way; otherwise empty. */
  readonly why: readonly RouteReason[]
  /** Those to encrypt to now; empty where it was lost. */
  readonly certificates: readonly ChosenCertificate[]
  /** As it was known before; null: it was never `direct`, asked about before or not, or it is forgotten. */
  readonly previous: PreviousState | null
  /** When this was found, by the clock that certificates are judged by. */
  readonly at: Date
}

/** What was told of an address the last time. */
export interface PreviousState {
  readonly route: Exclude<Route, 'undetermined'>
  readonly certificates: readonly KnownCertificate[]
  /** Since when it was `direct`, or was so no more. */
  readonly since: Date
}

export interface ChangesOptions {
  /** Chooses the anchors (DISC-10); each sender has changes of its own. */
  readonly from?: string
  /** How long before a certificate's end that is told, in days. Default 30. */
  readonly withinDays?: number
  /**
   * Hears the answer to every address, in their order, just before what changed about it is handed out: for progress, and to
   * count what is `undetermined`, which is no change.
   */
  readonly onAnswer?: (recipient: Recipient) => void
  readonly signal?: AbortSignal
}
