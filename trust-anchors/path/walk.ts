import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'
import { ANY_POLICY } from '../x509/policies.ts'
import { nameFor } from './issuing.ts'
import { NameConstraints } from './name-constraints.ts'
import { type PolicyBearer, policyFailure } from './policies.ts'
import type { PathSettings } from './types.ts'

/**
 * What RFC 5280 6.1.2 to 6.1.5 ask of a whole path, from its anchor down: name constraints and policies. The rest
 * holds between two neighbours, and the search has checked it on its way up. Constraints in the anchor's own
 * certificate bind (CERT-5). `path` runs from the leaf to the anchor; an anchor alone is judged as a leaf.
 */
export function walk(
  path: readonly [Certificate, ...Certificate[]],
  settings: PathSettings,
  spend: (n: number) => boolean,
): Failure | null {
  const [leaf] = path
  const downwards = path.toReversed()
  const anchor = path.length === 1 ? null : (downwards.shift() ?? null)

  let names = NameConstraints.none
  for (const certificate of anchor === null ? downwards : [anchor, ...downwards]) {
    // 6.1.3 (b) and (c): a self-issued CA may be in the middle of changing its key.
    const isJudged = certificate !== anchor && (certificate === leaf || !certificate.isSelfIssued)
    if (isJudged && names !== NameConstraints.none) {
      const role = certificate === leaf ? 'the certificate' : nameFor(certificate)
      const failure = names.failureOf(certificate, { role, subjectNames: settings.subjectNames, spend })
      if (failure !== null) return failure
    }
    if (certificate === leaf || certificate.nameConstraints === null) continue
    const narrower = names.add(certificate.nameConstraints, nameFor(certificate))
    if (!(narrower instanceof NameConstraints)) return narrower
    names = narrower
  }
  return policyFailure(anchor === null ? downwards : [constraintsOf(anchor), ...downwards], settings, spend)
}

/** Of the anchor's policies only what narrows: it stands for any policy, and is not counted as a CA of the path. */
function constraintsOf({ policyExtensions }: Certificate): PolicyBearer {
  return {
    policyExtensions: { ...policyExtensions, policies: [ANY_POLICY], mappings: [] },
    isSelfIssued: true,
  }
}
