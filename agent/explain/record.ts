import type { Attempt, Certificate, Purpose, Verification } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { GuardedFetch } from '../fetch.ts'
import { describeRevocation, unlessMissing } from '../trust/believe.ts'
import type { Judge, JudgeContext } from '../trust/judge.ts'
import { nameOf, stepsOf } from './steps.ts'
import type { ApplicableAnchors, ExplainedCertificate, FetchedUrl, NamedCertificate } from './types.ts'

/** One judgement as it happened. */
export interface Recorded {
  readonly purpose: Purpose
  readonly address: Address
  readonly leaf: Certificate
  readonly context: JudgeContext
  readonly attempts: readonly Attempt[]
  readonly verification: Verification<Purpose>
}

/** A judge that writes down what it is asked, what it tries and what it answers. */
export function recording(judge: Judge, into: Recorded[]): Judge {
  return async (purpose, address, leaf, context) => {
    const attempts: Attempt[] = []
    const verification = await judge(purpose, address, leaf, {
      ...context,
      trace: (attempt) => attempts.push(attempt),
    })
    into.push({ purpose, address, leaf, context, attempts, verification })
    return verification
  }
}

type Whose = Pick<ApplicableAnchors, 'direction' | 'missing'>

/** A verdict as those who judge take it: without an anchor, it is not final while a bundle that may hold one is missing. */
export function asBelieved(recorded: Recorded, applicable: readonly Whose[]): Recorded {
  const direction = directionOf(recorded)
  const missing = applicable.filter((one) => one.direction === direction).flatMap((one) => one.missing)
  return { ...recorded, verification: unlessMissing(recorded.verification, missing) }
}

/** Whose anchors judged it (TR-2). */
export function directionOf({ purpose }: Recorded): Whose['direction'] {
  return purpose === 'encrypt' ? 'outgoing' : 'incoming'
}

/** Origins by `sha256`. */
export type Origins = ReadonlyMap<string, readonly string[]>

export function describeRecorded(recorded: Recorded, origins: Origins): ExplainedCertificate {
  const { purpose, address, leaf, attempts, verification } = recorded
  const common = {
    sha256: leaf.sha256,
    name: nameOf(leaf),
    purpose,
    address: address.toString(),
    tried: stepsOf(leaf, attempts),
  }
  if (!verification.ok) {
    const verdict = verification.temporary ? 'undetermined' : 'refused'
    return { ...common, verdict, boundTo: null, why: verification.failures, path: [], revocation: [] }
  }
  const { boundTo, certificates, revocation } = verification.path
  const path = certificates.map((certificate) => named(certificate, origins))
  return { ...common, verdict: 'usable', boundTo, why: [], path, revocation: describeRevocation(revocation) }
}

export function named(certificate: Certificate, origins: Origins): NamedCertificate {
  const { sha256, notAfter } = certificate
  return { sha256, name: nameOf(certificate), notAfter, origins: origins.get(sha256) ?? [] }
}

/** A fetch that tells each of its answers. */
export function watching(fetch: GuardedFetch, watch: (fetched: FetchedUrl) => void): GuardedFetch {
  return async (request) => {
    const answer = await fetch(request)
    watch({ url: request.url, status: answer.status, text: answer.status === 'ok' ? null : answer.text })
    return answer
  }
}
