import type { Attempt, Certificate, Purpose, Verification } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { GuardedFetch } from '../fetch.ts'
import { describeRevocation } from '../trust/believe.ts'
import type { Judge } from '../trust/judge.ts'
import { nameOf, stepsOf } from './steps.ts'
import type { ExplainedCertificate, FetchedUrl, NamedCertificate } from './types.ts'

/** One judgement as it happened. */
export interface Recorded {
  readonly purpose: Purpose
  readonly address: Address
  readonly leaf: Certificate
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
    into.push({ purpose, address, leaf, attempts, verification })
    return verification
  }
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
