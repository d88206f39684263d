import type { Certificate, Failure, VerifiedPath } from '../../trust-anchors/index.ts'
import { UrlAllowance } from '../fetch/allowance.ts'
import { type BeliefContext, type BeliefTools, believe } from '../trust/believe.ts'
import { PATIENCE_MS } from '../trust/judge.ts'
import type { Authorship } from './author.ts'

/** More signers bound to one author than any honest message has. */
const MOST_SIGNERS = 8

/** Why no signer is believed. `temporary`: one of them may be later, as nothing final is wrong with it. */
export interface NotBelieved {
  readonly temporary: boolean
  readonly why: readonly Failure[]
}

/**
 * TR-2: the path from one of the author's signers to one recipient's anchors, or why there is none. Once for each set of
 * anchors and for each signer's certificate: a header can name recipients by the ten thousand and a signature its signer
 * many times, and a hostile chain costs milliseconds to judge (CERT-5).
 */
export function trustBy(
  { author, signers }: Authorship,
  context: Omit<BeliefContext, 'anchors' | 'missing'>,
  tools: BeliefTools,
): (
  anchors: readonly Certificate[],
  missing: readonly string[],
) => Promise<VerifiedPath<'sign'> | NotBelieved> {
  const distinct = new Map(signers.map(({ certificate }) => [certificate.sha256, certificate]))
  const certificates = [...distinct.values()].slice(0, MOST_SIGNERS)
  const allowance = new UrlAllowance()

  // All together they wait no longer than one may: whoever signs eight times, to recipients with anchors of their own,
  // must not hold up the mail so many times as long.
  const deadline = performance.now() + (context.patienceMs ?? PATIENCE_MS)

  const judgeAll = async (anchors: readonly Certificate[], missing: readonly string[]) => {
    const why: Failure[] = []
    const waiting: Failure[] = []
    for (const certificate of certificates) {
      const patienceMs = Math.max(0, Math.ceil(deadline - performance.now()))
      const verdict = await believe(
        'sign',
        author,
        certificate,
        { ...context, anchors, missing, patienceMs, allowance },
        tools,
      )
      if (verdict.ok) return verdict.path
      why.push(...verdict.failures)
      if (verdict.temporary) waiting.push(...verdict.failures)
    }
    return waiting.length > 0 ? { temporary: true, why: waiting } : { temporary: false, why }
  }

  const verdicts = new Map<string, VerifiedPath<'sign'> | NotBelieved>()
  return async (anchors, missing) => {
    const key = [...anchors.map(({ sha256 }) => sha256), ...missing].join()
    const verdict = verdicts.get(key) ?? (await judgeAll(anchors, missing))
    verdicts.set(key, verdict)
    return verdict
  }
}
