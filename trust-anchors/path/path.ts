import type { Failure } from '../failures.ts'
import { checkRevocation } from '../revocation/check.ts'
import { type BelievedAs, NO_MATERIAL } from '../revocation/types.ts'
import type { Wanted } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import { ANY_POLICY } from '../x509/policies.ts'
import { Budget, SPENT } from './budget.ts'
import { extensionFailure } from './critical.ts'
import { nameFailure } from './expected-name.ts'
import { Candidates } from './issuers.ts'
import { datesFailure, purposeFailure, signatureFailure } from './issuing.ts'
import { missingIssuers } from './missing-issuers.ts'
import { Outcomes } from './outcome.ts'
import { issuersFailure } from './required-issuers.ts'
import { type Path, Search, unknownIssuer } from './search.ts'
import type { PathRequest, PathResult, PathSettings } from './types.ts'
import { walk } from './walk.ts'

/** URLs of which one sentence says what they gave. */
const MOST_MISTAKES = 3

/** RFC 5280 6.1.1: a caller without wishes. */
const DEFAULTS: PathSettings = {
  sha1: false,
  signatureAlgorithms: 'any',
  initialPolicySet: [ANY_POLICY],
  requireExplicitPolicy: false,
  inhibitPolicyMapping: false,
  inhibitAnyPolicy: false,
  maxIntermediates: null,
  extendedKeyUsage: null,
  issuers: null,
  name: null,
  subjectNames: false,
}

/**
 * RFC 5280 6.1 and 6.3 (CERT-5 to 7): looks for a path from the leaf to an anchor, and judges it. Where there is none
 * the failure is the most specific one, and `wanted` says what may change the answer. Ends within the work of
 * `Budget`, then with `WORK_LIMIT`. The leaf's dates and purposes (`settings`) are looked at first,
 * its name last.
 */
export function validatePath(request: PathRequest): PathResult {
  const { leaf, at, settings = {} } = request
  const failure =
    datesFailure(leaf, at, 'the certificate') ??
    purposeFailure(leaf, settings.extendedKeyUsage ?? null, 'the certificate')
  if (failure !== null) return refused(failure)
  const result = findPath(request)
  const ofName = nameFailure(leaf, settings.name ?? null)
  // What a path may not have tells more than that it would be somebody else's.
  const isPath = result.ok || result.failure.temporary === true
  return isPath && ofName !== null ? { ok: false, failure: ofName, wanted: [], work: result.work } : result
}

const AN_ANCHOR: BelievedAs = { text: 'it is itself a trust anchor', until: null }

/** `validatePath` but for the leaf's own dates, purposes and name, which `usable.ts` has judged when it comes here. */
export function findPath(request: PathRequest): PathResult {
  const { leaf, anchors, at, revocation, trace, believedAs = AN_ANCHOR } = request
  if (anchors.length === 0)
    return refused({ code: 'NO_ANCHORS', text: 'no trust anchors are configured here' })
  const settings = { ...DEFAULTS, ...request.settings }
  const isAnchor = anchors.some((anchor) => anchor.sha256 === leaf.sha256)
  const ofLeaf = leafFailure(leaf, isAnchor, settings)
  if (ofLeaf !== null) {
    trace?.({ path: [leaf], issuer: null, isAnchor, failure: ofLeaf })
    return refused(ofLeaf)
  }

  const budget = new Budget()
  const outcomes = new Outcomes()
  const candidates = new Candidates([...request.candidates, ...(settings.issuers ?? [])])
  const wanted: Wanted[] = []
  let found: PathResult | null = null

  /** The whole path: what 6.1 asks of it, what the caller does, then revocation. */
  const accept = (path: Path): boolean => {
    if (!budget.path()) return false
    const failure =
      walk(path, settings, (n) => budget.compare(n)) ??
      issuersFailure(path, settings.issuers) ??
      judgeRevocation(path)
    if (failure !== null) outcomes.note(failure, true)
    trace?.({ path, issuer: null, isAnchor: true, failure })
    return failure === null
  }
  const judgeRevocation = (path: Path): Failure | null => {
    const verdict = checkRevocation(path, revocation, {
      at,
      believedAs,
      algorithms: settings,
      candidates: request.candidates,
      leadsTo: (certificate, anchor) => leadsTo(certificate, anchor, { candidates, at, settings, budget }),
      spend: () => budget.signature(),
    })
    // What could not be checked might have said "revoked": neither "good" nor "unknown" counts then.
    if (budget.isSpent) return SPENT
    if (verdict.ok) {
      const { statuses } = verdict
      found = {
        ok: true,
        certificates: path,
        revocation: statuses,
        wanted: verdict.wanted,
        work: budget.work,
      }
      return null
    }
    wanted.push(...verdict.wanted)
    return verdict.failure
  }

  const search = new Search({ candidates, anchors, at, settings, budget, outcomes, trace, accept })
  search.run(leaf)
  if (found !== null) return found
  const mistaken: string[] = []
  if (!budget.isSpent) {
    const missing = missingIssuers(search.deadEnds, revocation?.material ?? NO_MATERIAL)
    for (const failure of missing.failures) outcomes.note(failure, false)
    wanted.push(...missing.wanted)
    mistaken.push(...missing.mistaken)
  }
  const failure = outcomes.failure ?? unknownIssuer(leaf)
  return { ok: false, failure: withMistakes(failure, mistaken), wanted, work: budget.work }
}

/** An issuer that is not known may be so only because the wrong certificate lies where it should be (CERT-8). */
function withMistakes(failure: Failure, mistaken: readonly string[]): Failure {
  if (failure.code !== 'UNKNOWN_ISSUER' || mistaken.length === 0) return failure
  return { ...failure, text: [failure.text, ...mistaken.slice(0, MOST_MISTAKES)].join('; ') }
}

/** What is wrong with the leaf whatever the path is: nothing needs to be looked for or fetched. */
function leafFailure(leaf: Certificate, isAnchor: boolean, settings: PathSettings): Failure | null {
  const ofExtensions = extensionFailure(leaf, 'the certificate')
  if (ofExtensions !== null || isAnchor) return ofExtensions
  return signatureFailure(leaf, settings)
}

/**
 * Whether the certificate of a CRL issuer or an OCSP responder leads to this very anchor (RFC 5280 6.3.3 f), by 6.1
 * alone: neither its revocation nor the wishes about the leaf are looked at.
 */
function leadsTo(
  certificate: Certificate,
  anchor: Certificate,
  context: {
    readonly candidates: Candidates
    readonly at: Date
    readonly settings: PathSettings
    readonly budget: Budget
  },
): boolean {
  const { at, budget, candidates } = context
  const { sha1, signatureAlgorithms } = context.settings
  const settings = { ...DEFAULTS, sha1, signatureAlgorithms }
  const own =
    datesFailure(certificate, at, '') ??
    leafFailure(certificate, certificate.sha256 === anchor.sha256, settings)
  if (own !== null) return false
  const accept = (path: Path) => walk(path, settings, (n) => budget.compare(n)) === null
  const anchors = [anchor]
  return new Search({ candidates, anchors, at, settings, budget, outcomes: new Outcomes(), accept }).run(
    certificate,
  )
}

function refused(failure: Failure): PathResult {
  return { ok: false, failure, wanted: [], work: { signatures: 0, steps: 0 } }
}
