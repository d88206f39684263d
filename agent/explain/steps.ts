import type { Attempt, Certificate } from '../../trust-anchors/index.ts'
import type { Reason } from '../errors.ts'
import type { PathStep } from './types.ts'

interface Growing {
  readonly certificate: Certificate
  isAnchor: boolean
  failure: Reason | null
  readonly issuers: Map<string, Growing>
}

/** What a search tried, in order, as the tree that it walked: from the leaf to whoever might have issued it. */
export function stepsOf(leaf: Certificate, attempts: readonly Attempt[]): PathStep {
  const root = grow(leaf)
  for (const { path, issuer, isAnchor, failure } of attempts) {
    const way = [...path.slice(1), ...(issuer === null ? [] : [issuer])]
    const step = way.reduce(upTo, root)
    step.isAnchor ||= isAnchor
    step.failure = failure
  }
  return settle(root)
}

function upTo(step: Growing, issuer: Certificate): Growing {
  const known = step.issuers.get(issuer.sha256)
  if (known !== undefined) return known
  const grown = grow(issuer)
  step.issuers.set(issuer.sha256, grown)
  return grown
}

function grow(certificate: Certificate): Growing {
  return { certificate, isAnchor: false, failure: null, issuers: new Map() }
}

function settle({ certificate, isAnchor, failure, issuers }: Growing): PathStep {
  return {
    sha256: certificate.sha256,
    name: nameOf(certificate),
    isAnchor,
    failure: failure && { code: failure.code, text: failure.text },
    issuers: [...issuers.values()].map(settle),
  }
}

/** A CA by its subject, others by whom they are bound to. */
export function nameOf({ isCa, subjectText, names }: Certificate): string {
  const bound = [...names.rfc822, ...names.dns]
  return isCa || bound.length === 0 ? subjectText : bound.join(', ')
}
