import type { RemovedAnchor } from '../../store/index.ts'
import { Certificate, parseCertificate } from '../../trust-anchors/index.ts'

/** CERT-6: an anchor is its name and its key. A renewed certificate of both is the same anchor. */
export const anchorKey = ({ subjectCanonical, spkiSha256 }: Certificate): string =>
  `${spkiSha256} ${subjectCanonical}`

/** Removed anchors by what they are, so that no renewed certificate brings one back. */
export function byAnchor(removed: readonly RemovedAnchor[]): ReadonlyMap<string, readonly RemovedAnchor[]> {
  return Map.groupBy(removed, ({ der, sha256 }) => {
    const certificate = parseCertificate(der)
    return certificate instanceof Certificate ? anchorKey(certificate) : sha256
  })
}
