import { type Wanted, wantedKey } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { DistributionPoint } from '../x509/pointers.ts'
import { isAbout } from './ocsp-request.ts'
import type { Question } from './question.ts'

/** What the URLs of one certificate came to, and what they may still give. */
export interface Prospect {
  /** First what has not been asked; then what has answered without help, since a cache may have given that answer. */
  readonly wanted: readonly Wanted[]
  /** Nothing is at hand from one of the wanted. */
  readonly isOpen: boolean
  /** Sentences about those that gave nothing now. */
  readonly failed: readonly string[]
  /** Sentences about those whose answer is at hand. */
  readonly answered: readonly string[]
  /** Sentences about those that are not contacted (NET). */
  readonly refused: readonly string[]
  /** One of those that gave nothing was not asked, for a bound of ours. */
  readonly isUnasked: boolean
}

/** A certificate with more URLs than these has them to make work. */
const MAX_URLS = 8
const MAX_SHOWN = 200

/**
 * OCSP first, as it costs a packet where a CRL may cost megabytes; CRLs once no OCSP URL is left. Of several URLs of
 * one distribution point the next is for when the last gave nothing. `missing`: reasons that no CRL speaks of yet.
 */
export function prospectOf(question: Question, missing: number): Prospect {
  const { certificate, issuer } = question
  const list = new List(question)
  const byOcsp = certificate.ocspUrls
    .slice(0, MAX_URLS)
    .some((url) => list.add({ kind: 'ocsp', url, certificate, issuer }))
  if (!byOcsp) addPoints(list, certificate, certificate.crlDistributionPoints, missing)
  return list.prospect
}

/** Deltas to a CRL that has spoken already: they may say something newer, and nothing waits for them. */
export function wantedDeltas(
  question: Question,
  crls: readonly { readonly freshestCrl: readonly DistributionPoint[] }[],
): readonly Wanted[] {
  const { certificate } = question
  const list = new List(question)
  for (const { freshestCrl } of [certificate, ...crls]) addPoints(list, certificate, freshestCrl, ~0)
  return list.prospect.isOpen ? list.prospect.wanted : []
}

function addPoints(
  list: List,
  certificate: Certificate,
  points: readonly DistributionPoint[],
  missing: number,
): void {
  let left = missing
  for (const { urls, reasons } of points.slice(0, MAX_URLS)) {
    if ((reasons & left) === 0) continue
    if (urls.slice(0, MAX_URLS).some((url) => list.add({ kind: 'crl', url, certificate }))) left &= ~reasons
  }
}

class List {
  readonly #question: Question
  readonly #open: Wanted[] = []
  readonly #answered: Wanted[] = []
  readonly #failed = new Set<string>()
  readonly #refused = new Set<string>()
  #isUnasked = false

  constructor(question: Question) {
    this.#question = question
  }

  /** Whether the answer of this one should be waited for before another is asked. */
  add(wanted: Wanted): boolean {
    const { url } = wanted
    const unavailable = this.#question.request.material.unavailable.get(wantedKey(wanted))
    if (unavailable?.unasked === true) this.#isUnasked = true
    if (!isFetchable(url)) this.#refused.add(`${shown(url)} is not fetched: only http and https URLs are`)
    else if (unavailable?.refused === true) this.#refused.add(`${shown(url)} is refused: ${unavailable.text}`)
    else if (unavailable !== undefined)
      this.#failed.add(`${shown(url)} cannot be fetched now: ${unavailable.text}`)
    else if (this.#hasAnswered(wanted)) this.#answered.push(wanted)
    else {
      this.#open.push(wanted)
      return true
    }
    return false
  }

  get prospect(): Prospect {
    return {
      wanted: [...this.#open, ...this.#answered],
      isOpen: this.#open.length > 0,
      failed: [...this.#failed, ...this.#open.map((one) => this.#openText(one))],
      answered: this.#answered.map(({ url }) => `what ${shown(url)} gives does not settle it`),
      refused: [...this.#refused],
      isUnasked: this.#isUnasked,
    }
  }

  /** One OCSP URL may serve several certificates of a path: what it gave for another is not this one's answer. */
  #openText({ url }: Wanted): string {
    const isForAnother = this.#question.request.material.ocsp.some(({ origin }) => origin === url)
    return isForAnother
      ? `${shown(url)} has answered about another certificate only`
      : `nothing that ${shown(url)} gives is at hand`
  }

  #hasAnswered({ kind, url }: Wanted): boolean {
    const { certificate, issuer, request } = this.#question
    const { crls, ocsp } = request.material
    if (kind === 'crl') return crls.some(({ origin }) => origin === url)
    return ocsp.some(
      ({ origin, response }) =>
        origin === url &&
        (response.basic === null ||
          response.basic.answers.some((answer) => isAbout(answer.certificate, certificate, issuer))),
    )
  }
}

const isFetchable = (url: string) => /^https?:/i.test(url) && URL.canParse(url)

export const shown = (url: string) => (url.length > MAX_SHOWN ? `${url.slice(0, MAX_SHOWN)}…` : url)
