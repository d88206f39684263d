import type { Place } from '../../dns/index.ts'
import type { VerifiedPath } from '../../trust-anchors/index.ts'
import { bindingOf, byPreference, type Certificate, chooseCertificate } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { Evidence, JudgedCertificate } from '../evidence.ts'
import { UrlAllowance } from '../fetch/allowance.ts'
import { type BeliefTools, believe, describeRevocation } from '../trust/believe.ts'
import type { Trust } from '../trust/current.ts'
import { PATIENCE_MS } from '../trust/judge.ts'
import { readCandidates } from './candidates.ts'

/** Certificates of one place that are judged side by side: more than an honest one publishes. */
const AT_ONCE = 8
const HAS_BETTER = 'it was not asked, as a certificate that goes before it is usable'

/** What judging a place asks of its neighbours. */
export interface PlaceTools extends BeliefTools {
  /** Certificates in hand that may complete a path: the configured ones. */
  readonly intermediates: readonly Certificate[]
  readonly now: () => Date
}

/** Whom the sender believes: read once for one question. */
export interface Believed {
  readonly trust: Trust
  readonly anchors: readonly Certificate[]
  readonly missing: readonly string[]
}

/** One place of an address, each of its certificates judged (DISC-10). */
export interface JudgedPlace {
  readonly evidence: Evidence
  /** The one to encrypt to, of those that are usable (MSG-9). */
  readonly chosen: VerifiedPath<'encrypt'> | null
}

type Verdict =
  | { readonly path: VerifiedPath<'encrypt'> }
  | { readonly path: null; readonly why: JudgedCertificate['why'] }

/** Judges every certificate that a place published, and chooses. */
export async function judgePlace(
  place: Place,
  address: Address,
  believed: Believed,
  tools: PlaceTools,
  signal?: AbortSignal,
): Promise<JudgedPlace> {
  const { certificates, notes: skipped } = readCandidates(place)
  const verdicts = await judgeAll(certificates, address, believed, tools, signal)
  const chosen = chooseCertificate([...verdicts.values()].flatMap(({ path }) => path ?? []))
  const { place: name, owner, status, refusedBy, unread, questions, notes } = place
  const evidence: Evidence = {
    place: name,
    owner,
    status,
    ...(refusedBy && { refusedBy }),
    certificates: certificates.flatMap((leaf) => {
      const verdict = verdicts.get(leaf)
      if (verdict === undefined) return []
      const { path } = verdict
      return {
        sha256: leaf.sha256,
        usable: path !== null,
        chosen: leaf === chosen?.leaf,
        boundTo: bindingOf(leaf, address, tools.legacy)?.boundTo ?? null,
        notAfter: leaf.notAfter,
        why: path === null ? verdict.why : [],
        unchecked: path?.unchecked ?? [],
        revocation: path === null ? [] : describeRevocation(path.revocation),
      }
    }),
    unread,
    questions,
    notes: [...notes, ...skipped],
  }
  return { evidence, chosen }
}

/**
 * However many certificates there are, together they ask for no more URLs than one address may, and wait no longer than
 * one certificate may. Those that would be chosen first go first (MSG-9); once one of them is usable none behind it can
 * be chosen, and nothing more is fetched for the rest.
 */
async function judgeAll(
  certificates: readonly Certificate[],
  address: Address,
  believed: Believed,
  tools: PlaceTools,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Certificate, Verdict>> {
  const allowance = new UrlAllowance()
  const deadline = performance.now() + PATIENCE_MS
  const context = {
    ...believed,
    candidates: [...certificates, ...tools.intermediates],
    at: tools.now(),
    allowance,
    signal,
  }
  const judge = async (leaf: Certificate): Promise<Verdict> => {
    const patienceMs = Math.max(0, Math.ceil(deadline - performance.now()))
    const verdict = await believe('encrypt', address, leaf, { ...context, patienceMs }, tools)
    return verdict.ok ? { path: verdict.path } : { path: null, why: verdict.failures }
  }
  const verdicts = new Map<Certificate, Verdict>()
  const waiting = preferredFirst(certificates, address, tools)
  while (waiting.length > 0) {
    const next = waiting.splice(0, AT_ONCE)
    // Side by side: hosts that hang for one of them hold up no other.
    const judged = await Promise.all(next.map(async (leaf) => [leaf, await judge(leaf)] as const))
    for (const [leaf, verdict] of judged) verdicts.set(leaf, verdict)
    if (judged.some(([, { path }]) => path !== null)) allowance.close(HAS_BETTER)
  }
  return verdicts
}

function preferredFirst(
  certificates: readonly Certificate[],
  address: Address,
  { legacy }: PlaceTools,
): Certificate[] {
  return certificates
    .map((leaf) => ({ leaf, boundTo: bindingOf(leaf, address, legacy)?.boundTo ?? null }))
    .sort(byPreference)
    .map(({ leaf }) => leaf)
}
