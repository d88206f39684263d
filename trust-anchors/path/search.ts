import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type Budget, SPENT } from './budget.ts'
import { byLikelihood, type Candidates, isSameCa, keyIdentifierMismatch } from './issuers.ts'
import { datesFailure, issuingFailure, nameFor, signatureFailure } from './issuing.ts'
import type { Outcomes } from './outcome.ts'
import type { Attempt, PathSettings } from './types.ts'

export type Path = readonly [Certificate, ...Certificate[]]

/** Certificates of a path, leaf and anchor included. */
const MAX_DEPTH = 10

export interface SearchOptions {
  readonly candidates: Candidates
  readonly anchors: readonly Certificate[]
  readonly at: Date
  readonly settings: PathSettings
  readonly budget: Budget
  readonly outcomes: Outcomes
  readonly trace?: ((attempt: Attempt) => void) | undefined
  /** Whether this path to an anchor will do; if not, the search goes on. */
  readonly accept: (path: Path) => boolean
}

/**
 * Looks for a path from a leaf to an anchor (CERT-5, CERT-6): upwards, depth first, anchors before candidates. What
 * holds between two neighbours is checked at each step, the whole path by `accept`.
 */
export class Search {
  readonly #options: SearchOptions
  /** An expired anchor is not used (CERT-6). */
  readonly #anchors: readonly Certificate[]
  readonly #led = new Set<Certificate>()
  readonly #tried = new Set<Certificate>()

  constructor(options: SearchOptions) {
    this.#options = options
    this.#anchors = options.anchors.filter((anchor) => anchor.isWithinValidity(options.at))
  }

  /** Whether a path was found that will do. */
  run(leaf: Certificate): boolean {
    const found = this.#extend([leaf])
    if (!found && this.#options.budget.isSpent) this.#options.outcomes.note(SPENT, false)
    return found
  }

  isAnchor(certificate: Certificate): boolean {
    return this.#anchors.some((anchor) => anchor.sha256 === certificate.sha256)
  }

  /** Certificates from which no issuer at hand led to any anchor, the furthest from the leaf first. */
  get deadEnds(): readonly Certificate[] {
    return [...this.#tried].filter((certificate) => !this.#led.has(certificate))
  }

  #extend(path: Path): boolean {
    const { budget, outcomes, accept, settings } = this.#options
    const last = path.at(-1) as Certificate
    if (this.isAnchor(last)) {
      for (const certificate of path) this.#led.add(certificate)
      if (accept(path)) return true
      // Whoever is asked for may stand above this anchor, below another one.
      if (settings.issuers === null) return false
    } else if (path.length === 1 && last.isSelfIssued && budget.isSignedBy(last, last)) {
      this.#note(path, null, {
        code: 'UNKNOWN_ISSUER',
        text: 'the certificate is self-signed and is not itself a trust anchor',
      })
      return false
    }
    const issuers = this.#issuersOf(last)
    const forged: Failure[] = []
    let isSigned = false
    for (const issuer of issuers) {
      if (!budget.step()) return false
      if (path.some((one) => isSameCa(one, issuer))) continue
      const failure = this.#stepFailure(path, issuer)
      if (failure === null) isSigned = true
      if (failure?.code === 'BAD_SIGNATURE') forged.push(failure)
      else if (failure !== null) outcomes.note(failure, false)
      this.#trace(path, issuer, failure)
      if (failure === null && this.#extend([...path, issuer])) return true
      if (budget.isSpent) return false
    }
    // Where one CA of the name has signed it, the others of that name have no forgery to tell of.
    if (!isSigned) for (const failure of forged) outcomes.note(failure, false)
    this.#tried.add(last)
    this.#noteExpiredAnchors(path)
    if (issuers.length === 0) this.#note(path, null, unknownIssuer(last))
    else outcomes.note(unknownIssuer(last), false)
    return false
  }

  /** By name; anchors first. */
  #issuersOf(certificate: Certificate): readonly Certificate[] {
    const { candidates, at } = this.#options
    const anchors = this.#anchors.filter((anchor) => anchor.subjectCanonical === certificate.issuerCanonical)
    const others = candidates.issuersOf(certificate, at)
    if (anchors.length === 0) return others
    return [
      ...byLikelihood(certificate, anchors, at),
      ...others.filter((other) => !anchors.some((anchor) => anchor.sha256 === other.sha256)),
    ]
  }

  /** RFC 5280 6.1.3 (a) and 6.1.4 (k) to (o) between the last certificate and its issuer. */
  #stepFailure(below: Path, issuer: Certificate): Failure | null {
    const { at, settings } = this.#options
    if (below.length >= MAX_DEPTH) {
      return { code: 'WORK_LIMIT', text: `a path of more than ${MAX_DEPTH} certificates is not followed` }
    }
    const last = below.at(-1) as Certificate
    return (
      issuingFailure(issuer, { below, isAnchor: this.isAnchor(issuer), at, settings }) ??
      signatureFailure(last, settings) ??
      this.#forged(last, issuer)
    )
  }

  #forged(certificate: Certificate, issuer: Certificate): Failure | null {
    const isSigned = this.#options.budget.isSignedBy(certificate, issuer)
    if (isSigned === null) return SPENT
    if (isSigned) return null
    // Same name, another key, and it says so itself: that is another issuer, not a forged signature.
    return keyIdentifierMismatch(certificate, issuer) === 2
      ? unknownIssuer(certificate)
      : {
          code: 'BAD_SIGNATURE',
          text: `the signature of ${nameFor(certificate)} was not made by the key of ${nameFor(issuer)}`,
        }
  }

  #note(path: Path, issuer: Certificate | null, failure: Failure): void {
    this.#options.outcomes.note(failure, false)
    this.#trace(path, issuer, failure)
  }

  #trace(path: Path, issuer: Certificate | null, failure: Failure | null): void {
    const { anchors, trace } = this.#options
    trace?.({ path, issuer, isAnchor: anchors.some((anchor) => anchor.sha256 === issuer?.sha256), failure })
  }

  #noteExpiredAnchors(path: Path): void {
    const { anchors, at } = this.#options
    if (anchors.length === this.#anchors.length) return
    const last = path.at(-1) as Certificate
    for (const anchor of anchors) {
      const isReached = anchor.sha256 === last.sha256 || anchor.subjectCanonical === last.issuerCanonical
      const failure = isReached ? datesFailure(anchor, at, `the trust anchor ${anchor.subjectText}`) : null
      if (failure !== null) this.#note(path, anchor, failure)
    }
  }
}

export function unknownIssuer(certificate: Certificate): Failure {
  // A self-issued certificate's issuer is its owner, and a person's name does not belong into an error.
  const issuer =
    certificate.isSelfIssued && !certificate.isCa ? 'its issuer' : `its issuer, ${certificate.issuerText},`
  return {
    code: 'UNKNOWN_ISSUER',
    text: `no certificate of ${issuer} leads from ${nameFor(certificate)} to a configured trust anchor`,
  }
}
