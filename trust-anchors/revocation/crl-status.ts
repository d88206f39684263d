import type { Certificate } from '../x509/certificate.ts'
import { ALL_REASONS } from '../x509/pointers.ts'
import type { Crl } from './crl.ts'
import { type CrlEntry, findEntry } from './crl-entries.ts'
import { reasonsCovered } from './crl-scope.ts'
import { crlSigner } from './crl-signer.ts'
import {
  type Answer,
  CERTIFICATE_HOLD,
  isOwn,
  ownFirst,
  type Problem,
  periodAt,
  type Question,
  REMOVE_FROM_CRL,
  type Spoken,
  timeText,
} from './question.ts'
import { isSignedBy, refusedScheme } from './signature.ts'
import { shown } from './urls.ts'

type AtHand = Question['request']['material']['crls'][number]

/** What the CRLs at hand say, and for which reasons (a mask) none of them speaks yet. */
export interface CrlAnswer {
  readonly answer: Answer
  readonly missing: number
  /** Complete CRLs that it rests on. */
  readonly crls: readonly Crl[]
}

/** What one CRL says, with the delta to it that is at hand. */
type Reading =
  | ({ readonly kind: 'read'; readonly entry: CrlEntry | null } & Spoken)
  | { readonly kind: 'revoked'; readonly entry: CrlEntry }
  | { readonly kind: 'problem'; readonly problem: Problem }

/** RFC 5280 6.3.3: every distribution point of the certificate, and then the CRLs that no point names. */
export function askCrls(question: Question): CrlAnswer {
  const { certificate, request } = question
  const complete = request.material.crls
    .filter(({ crl }) => crl.base === null)
    .toSorted(ownFirst(certificate))
    // The newest word first: an older CRL that is handed in must not hide a newer one.
    .toSorted((a, b) => b.crl.thisUpdate.getTime() - a.crl.thisUpdate.getTime())
  const problems = new Map<string, Problem>()
  const used: (AtHand & Spoken)[] = []
  let covered = 0
  for (const point of [...certificate.crlDistributionPoints, null]) {
    for (const { crl, origin } of complete) {
      const reasons = reasonsCovered(crl, certificate, point) & ~covered
      if (reasons === 0) continue
      const reading = read({ crl, origin }, question)
      if (reading.kind === 'problem') {
        problems.set(reading.problem.text, reading.problem)
        continue
      }
      if (reading.entry !== null) {
        const { revokedAt, reason } = reading.entry
        const answer = { kind: 'revoked', at: revokedAt, reason, source: labelOf(crl) } as const
        return { answer, missing: 0, crls: [crl] }
      }
      if (reading.kind === 'read') used.push({ ...reading, crl, origin })
      covered |= reasons
      if (covered === ALL_REASONS) return { answer: good(used), missing: 0, crls: used.map(({ crl }) => crl) }
    }
  }
  for (const problem of besideThePoint(question)) problems.set(problem.text, problem)
  if (covered !== 0) {
    const text = 'the CRLs at hand speak of some reasons for a revocation only'
    problems.set(text, { text, passing: true })
  }
  return {
    answer: { kind: 'unknown', problems: [...problems.values()] },
    missing: ALL_REASONS & ~covered,
    crls: used.map(({ crl }) => crl),
  }
}

/** What the certificate's own URLs gave that is not about it: whoever publishes there has to hear of it. */
function besideThePoint({ certificate, request }: Question): readonly Problem[] {
  const points = certificate.crlDistributionPoints
  const fetched = request.material.crls.filter(({ origin }) =>
    points.some(({ urls }) => urls.includes(origin)),
  )
  return fetched.flatMap(({ crl, origin }) => {
    const end =
      crl.base !== null
        ? 'is a delta, and the complete CRL that it changes is not at hand'
        : [...points, null].some((point) => reasonsCovered(crl, certificate, point) !== 0)
          ? null
          : 'is not about this certificate (its issuer or issuingDistributionPoint)'
    return end === null ? [] : [{ text: `${labelOf(crl)} (${shown(origin)}) ${end}`, passing: true }]
  })
}

/** Of several CRLs for several reasons, the one that ends first tells how long all of it holds. */
function good(used: readonly (AtHand & Spoken)[]): Answer {
  const end = ({ nextUpdate }: Spoken) => nextUpdate?.getTime() ?? 0
  const [first, ...rest] = used as [AtHand & Spoken, ...(AtHand & Spoken)[]]
  const { origin, thisUpdate, nextUpdate } = rest.reduce((a, b) => (end(b) < end(a) ? b : a), first)
  const stale = used.some((one) => one.stale)
  return { kind: 'good', by: 'crl', origin, thisUpdate, nextUpdate, stale }
}

/** The grace is for what we have fetched before; an ended CRL that a message brings along is the sender's choice. */
function graceFor(origin: string, { certificate, request }: Question): number {
  return isOwn(certificate, origin) ? request.graceMs : 0
}

function read({ crl, origin }: AtHand, question: Question): Reading {
  const { certificate, context } = question
  const graceMs = graceFor(origin, question)
  const problem = (end: string, passing: boolean): Reading => ({
    kind: 'problem',
    problem: { text: `${labelOf(crl)} (${shown(origin)}) ${end}`, passing },
  })
  if (crl.unknownCritical !== null) {
    return problem(`has a critical extension that is not known here (${crl.unknownCritical})`, false)
  }
  const refused = refusedScheme(crl.scheme, context.algorithms)
  if (refused !== null) return problem(refused, false)
  const ownPeriod = periodAt(crl, context.at, graceMs)
  if (ownPeriod === 'early') return problem(`is of a time to come (${timeText(crl.thisUpdate)})`, true)
  const signer = crlSigner(crl, question)
  if (typeof signer === 'string') return problem(signer, true)
  const own = findEntry(crl, certificate)
  if (typeof own === 'string') return problem(own, false)

  const delta = findDelta(crl, signer, question)
  const later = delta === null ? null : findEntry(delta, certificate)
  if (delta !== null && typeof later !== 'string') {
    const entry = later ?? own
    const isRemoved = later?.reason === REMOVE_FROM_CRL
    const { thisUpdate, nextUpdate } = delta
    return { kind: 'read', entry: isRemoved ? null : entry, thisUpdate, nextUpdate, stale: false }
  }
  const { thisUpdate, nextUpdate } = crl
  if (ownPeriod !== 'over') {
    return { kind: 'read', entry: own, thisUpdate, nextUpdate, stale: ownPeriod === 'stale' }
  }
  // An old list proves no innocence; but only a hold is ever taken back (RFC 5280 5.3.1).
  if (own !== null && own.reason !== CERTIFICATE_HOLD) return { kind: 'revoked', entry: own }
  return nextUpdate === null
    ? problem(`of ${timeText(thisUpdate)} is more than a day old and has no nextUpdate`, true)
    : problem(`ended on ${timeText(nextUpdate)} (nextUpdate)`, true)
}

/**
 * The latest delta that can be laid over a complete CRL (RFC 5280 5.2.4, 6.3.3 c, h): of one issuer, scope and key,
 * to that CRL or an older one, newer than it, and current. What does not fit leaves the complete CRL to speak alone.
 */
function findDelta(crl: Crl, signer: Certificate, { request, context, spend }: Question): Crl | null {
  const { number } = crl
  if (number === null) return null
  const deltas = request.material.crls
    .map((one) => one.crl)
    .filter(
      (delta) =>
        delta.base !== null &&
        delta.number !== null &&
        delta.base <= number &&
        number < delta.number &&
        delta.issuerCanonical === crl.issuerCanonical &&
        delta.family === crl.family &&
        delta.unknownCritical === null &&
        refusedScheme(delta.scheme, context.algorithms) === null &&
        periodAt(delta, context.at, 0) === 'current',
    )
    .toSorted((a, b) => ((a.number as bigint) < (b.number as bigint) ? 1 : -1))
  return deltas.find((delta) => isSignedBy(delta, signer, spend) === true) ?? null
}

const labelOf = (crl: Crl) => `the CRL of ${crl.issuer.text}`
