import type { VerifiedPath } from './verified-path.ts'

/**
 * The one certificate to encrypt to, of all that are usable for an address (MSG-9): address-bound first, then
 * the latest notBefore; between equals the lower SHA-256, so that the same input has one answer. Null: none.
 */
export function chooseCertificate(paths: readonly VerifiedPath<'encrypt'>[]): VerifiedPath<'encrypt'> | null {
  return paths.toSorted(byPreference)[0] ?? null
}

function byPreference(a: VerifiedPath<'encrypt'>, b: VerifiedPath<'encrypt'>): number {
  if (a.boundTo !== b.boundTo) return a.boundTo === 'address' ? -1 : 1
  const newer = b.leaf.notBefore.getTime() - a.leaf.notBefore.getTime()
  return newer === 0 ? (a.leaf.sha256 < b.leaf.sha256 ? -1 : 1) : newer
}
