import type { VerifiedPath } from './verified-path.ts'
import type { Certificate } from './x509/certificate.ts'

const ORDER: readonly Choosable['boundTo'][] = ['address', 'domain', null]

/**
 * The one certificate to encrypt to, of all that are usable for an address (MSG-9): address-bound first, then
 * the latest notBefore; between equals the lower SHA-256, so that the same input has one answer. Null: none.
 */
export function chooseCertificate(paths: readonly VerifiedPath<'encrypt'>[]): VerifiedPath<'encrypt'> | null {
  return paths.toSorted(byPreference)[0] ?? null
}

/** What decides between certificates of one address. `boundTo`: null where it is not bound to it. */
export interface Choosable {
  readonly leaf: Certificate
  readonly boundTo: 'address' | 'domain' | null
}

/** The order of `chooseCertificate`, for those that are not judged yet too. */
export function byPreference(a: Choosable, b: Choosable): number {
  if (a.boundTo !== b.boundTo) return ORDER.indexOf(a.boundTo) - ORDER.indexOf(b.boundTo)
  const newer = b.leaf.notBefore.getTime() - a.leaf.notBefore.getTime()
  return newer === 0 ? (a.leaf.sha256 < b.leaf.sha256 ? -1 : 1) : newer
}
