import type { BundleId } from '../../store/index.ts'
import type { Certificate } from '../../trust-anchors/index.ts'
import type { TrustScope } from './types.ts'

/** A trust bundle that is asked for: by the configuration, by hand, or both. */
export interface BundleSource extends BundleId {
  /** The certificate of `signer`. */
  readonly signedBy: Certificate | null
  /** The shortest that anyone asks for. */
  readonly refreshHours: number
  /** For whom, one or more. */
  readonly scopes: readonly TrustScope[]
}

/** One URL under two signers is two bundles: what one of them signed is not the other's content. */
export function isSameBundle(a: BundleId, b: BundleId): boolean {
  return a.url === b.url && a.signer === b.signer
}
