import type { CertificateCode, Failure } from '../failures.ts'
import { checkRevocation } from '../revocation/check.ts'
import { type Certificate, distinct } from '../x509/certificate.ts'
import { datesFailure, issuingFailure, nameFor, needsMore, signatureFailure } from './issuing.ts'
import type { PathRequest, PathResult } from './types.ts'

/** Certificates of a path, leaf and anchor included. */
const MAX_DEPTH = 10
const MAX_SIGNATURES = 100
const MAX_STEPS = 1_000
const NO_WORK = { signatures: 0, steps: 0 }

/**
 * RFC 5280 6.1 without what a later version brings (name constraints, policies: `NOT_SUPPORTED`): builds and
 * checks in one go, depth first, anchors before candidates (CERT-5, CERT-6).
 * Ends within 100 signature checks and 1,000 steps, then with `WORK_LIMIT`.
 */
export function validatePath(request: PathRequest): PathResult {
  const { leaf, at } = request
  const dates = datesFailure(leaf, at, 'the certificate')
  if (dates !== null) return { ok: false, failure: dates, wanted: [], work: NO_WORK }
  return findPath(request)
}

/** `validatePath` but for the leaf's own dates, which `usable.ts` has judged when it comes here. */
export function findPath(request: PathRequest): PathResult {
  if (request.anchors.length === 0) {
    return {
      ok: false,
      failure: { code: 'NO_ANCHORS', text: 'no trust anchors are configured here' },
      wanted: [],
      work: NO_WORK,
    }
  }
  return new Search(request).run()
}

/** Most specific first: what a person can mend by looking at one certificate comes before "not found". */
const RANK: readonly CertificateCode[] = [
  'WORK_LIMIT',
  'CERT_EXPIRED',
  'CERT_NOT_YET_VALID',
  'SIGNATURE_WEAK',
  'NOT_SUPPORTED',
  'PATH_LENGTH',
  'ISSUER_NOT_CA',
  'BAD_SIGNATURE',
  'UNKNOWN_ISSUER',
]

/** One search for a path: its budget and the best reason so far. */
class Search {
  readonly #request: PathRequest
  readonly #anchors: readonly Certificate[]
  readonly #bySubject: ReadonlyMap<string, readonly Certificate[]>
  readonly #verified = new Map<string, boolean>()
  #signatures = 0
  #steps = 0
  #failure: Failure | null = null

  constructor(request: PathRequest) {
    this.#request = request
    this.#anchors = request.anchors.filter((anchor) => anchor.isWithinValidity(request.at))
    this.#bySubject = Map.groupBy(request.candidates, (candidate) => candidate.subjectCanonical)
  }

  run(): PathResult {
    const { leaf } = this.#request
    const more = needsMore(leaf, 'the certificate')
    if (more !== null) return { ok: false, failure: more, wanted: [], work: NO_WORK }
    const found = this.#extend([leaf])
    const work = { signatures: this.#signatures, steps: this.#steps }
    if (found === null)
      return { ok: false, failure: this.#failure ?? this.#unknownIssuer(leaf), wanted: [], work }
    const revocation = checkRevocation(found, this.#request.revocation, {
      at: this.#request.at,
      sha1: this.#request.settings?.sha1 ?? false,
      candidates: this.#request.candidates,
      leadsTo: () => false,
      spend: () => !this.#spent(),
    })
    if (!revocation.ok) return { ...revocation, work }
    return { ok: true, certificates: found, revocation: revocation.statuses, wanted: revocation.wanted, work }
  }

  /** Completes the path to an anchor, or null once everything has been tried. */
  #extend(path: readonly [Certificate, ...Certificate[]]): readonly [Certificate, ...Certificate[]] | null {
    const last = path.at(-1) as Certificate
    if (this.#anchors.some((anchor) => anchor.sha256 === last.sha256)) return path
    if (path.length === 1 && this.#isSelfSigned(last)) {
      this.#note({
        code: 'UNKNOWN_ISSUER',
        text: 'the certificate is self-signed and is not itself a trust anchor',
      })
      return null
    }
    for (const issuer of this.#issuersOf(last)) {
      if (this.#spent()) return null
      if (path.some((one) => one.subjectCanonical === issuer.subjectCanonical && sameKey(one, issuer)))
        continue
      if (path.length >= MAX_DEPTH) {
        this.#note({
          code: 'WORK_LIMIT',
          text: `a path of more than ${MAX_DEPTH} certificates is not followed`,
        })
        continue
      }
      this.#steps++
      const failure = this.#issuing(issuer, path) ?? this.#signature(last, issuer)
      if (failure !== null) {
        this.#note(failure)
        continue
      }
      const found = this.#extend([...path, issuer])
      if (found !== null) return found
    }
    this.#noteExpiredAnchors(last)
    this.#note(this.#unknownIssuer(last))
    return null
  }

  /** By name; anchors first, then by how well key identifier and dates fit. */
  #issuersOf(certificate: Certificate): readonly Certificate[] {
    const anchors = this.#anchors.filter((anchor) => anchor.subjectCanonical === certificate.issuerCanonical)
    const known = new Set(anchors.map((anchor) => anchor.sha256))
    // More of one name than could ever be tried are not even sorted.
    const named = (this.#bySubject.get(certificate.issuerCanonical) ?? []).slice(0, MAX_SIGNATURES)
    const others = named.filter((candidate) => !known.has(candidate.sha256))
    const likelihood = (one: Certificate) =>
      (keyIdentifiersDiffer(certificate, one) ? 0 : 4) +
      (one.isWithinValidity(this.#request.at) ? 2 : 0) +
      (one.isCa ? 1 : 0)
    const byLikelihood = (a: Certificate, b: Certificate) => likelihood(b) - likelihood(a)
    return [...distinct(anchors).sort(byLikelihood), ...distinct(others).sort(byLikelihood)]
  }

  #issuing(issuer: Certificate, below: readonly Certificate[]): Failure | null {
    const isAnchor = this.#anchors.some((anchor) => anchor.sha256 === issuer.sha256)
    return issuingFailure(issuer, { below, isAnchor, at: this.#request.at })
  }

  #isSelfSigned(certificate: Certificate): boolean {
    return certificate.isSelfIssued && this.#isSignedBy(certificate, certificate)
  }

  #signature(certificate: Certificate, issuer: Certificate): Failure | null {
    const weak = signatureFailure(certificate, this.#request.settings?.sha1 ?? false)
    if (weak !== null) return weak
    if (this.#isSignedBy(certificate, issuer)) return null
    // Same name, another key, and it says so itself: that is another issuer, not a forged signature.
    return keyIdentifiersDiffer(certificate, issuer)
      ? this.#unknownIssuer(certificate)
      : {
          code: 'BAD_SIGNATURE',
          text: `the signature of ${nameFor(certificate)} was not made by the key of its issuer`,
        }
  }

  /** One RSA operation per certificate and key, however many paths lead over them. */
  #isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
    const pair = `${certificate.sha256} ${Buffer.from(issuer.spki).toString('base64')}`
    let verdict = this.#verified.get(pair)
    if (verdict === undefined) {
      this.#signatures++
      verdict = certificate.isSignedBy(issuer)
      this.#verified.set(pair, verdict)
    }
    return verdict
  }

  #spent(): boolean {
    if (this.#signatures < MAX_SIGNATURES && this.#steps < MAX_STEPS) return false
    this.#note({
      code: 'WORK_LIMIT',
      text: `no path was found within ${MAX_SIGNATURES} signature checks and ${MAX_STEPS} steps`,
    })
    return true
  }

  #noteExpiredAnchors(certificate: Certificate): void {
    const { anchors, at } = this.#request
    for (const anchor of anchors) {
      const reached =
        anchor.sha256 === certificate.sha256 || anchor.subjectCanonical === certificate.issuerCanonical
      const failure = reached ? datesFailure(anchor, at, `the trust anchor ${anchor.subjectText}`) : null
      if (failure !== null) this.#note(failure)
    }
  }

  #unknownIssuer(certificate: Certificate): Failure {
    // A self-issued certificate's issuer is its owner, and a person's name does not belong into an error.
    const issuer = certificate.isSelfIssued ? 'its issuer' : `its issuer, ${certificate.issuerText},`
    return {
      code: 'UNKNOWN_ISSUER',
      text: `no certificate of ${issuer} leads from ${nameFor(certificate)} to a configured trust anchor`,
    }
  }

  #note(failure: Failure): void {
    if (this.#failure === null || RANK.indexOf(failure.code) < RANK.indexOf(this.#failure.code)) {
      this.#failure = failure
    }
  }
}

function keyIdentifiersDiffer(certificate: Certificate, issuer: Certificate): boolean {
  const wanted = certificate.authorityKeyIdentifier
  const has = issuer.subjectKeyIdentifier
  return wanted !== null && has !== null && Buffer.compare(wanted, has) !== 0
}

function sameKey(a: Certificate, b: Certificate): boolean {
  return Buffer.compare(a.spki, b.spki) === 0
}
