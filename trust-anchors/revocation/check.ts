import type { Wanted } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import { ALL_REASONS } from '../x509/pointers.ts'
import { askCrls } from './crl-status.ts'
import { askOcsp } from './ocsp-status.ts'
import {
  goodStatus,
  isPointed,
  NOTHING_KNOWN,
  notChecked,
  type Outcome,
  revokedFailure,
  unknownFailure,
} from './outcome.ts'
import { isOwn, type Question } from './question.ts'
import type { RevocationContext, RevocationRequest, RevocationVerdict } from './types.ts'
import { prospectOf, wantedDeltas } from './urls.ts'

/** Of an anchor that is the leaf: its issuer may not even be at hand. */
const NOT_ASKED = 'whether it is revoked is not asked'
/** CRL issuers whose own CRLs have other issuers, and so on. */
const MAX_NESTED = 4

/**
 * CERT-7 for every certificate of a path but the anchor (RFC 5280 6.3, RFC 6960): revoked ones are failures, with
 * `require` those of unknown status too. What is final is told before what may pass. The anchor is not asked about:
 * who configured it removes it; where it is the leaf itself, that is said. So it is without a request, and with `off`.
 */
export function checkRevocation(
  path: readonly [Certificate, ...Certificate[]],
  request: RevocationRequest | undefined,
  context: RevocationContext,
): RevocationVerdict {
  const certificates = path.slice(0, -1)
  if (certificates.length === 0) {
    const { text, until } = context.believedAs
    const status = { ...notChecked(path[0]), text: `${text}; ${NOT_ASKED}`, nextUpdate: until }
    return { ok: true, statuses: [status], wanted: [] }
  }
  if (request === undefined || request.mode === 'off') {
    const statuses = certificates.map((certificate) => notChecked(certificate))
    return { ok: true, statuses, wanted: [] }
  }
  const check = new Check(request, context)
  const outcomes = certificates.map((certificate, i) => check.judge(certificate, path.slice(i + 1)))
  const failures = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.failure]))
  const failure =
    failures.find(({ code }) => code === 'CERT_REVOKED') ??
    failures.find(({ temporary }) => temporary === undefined) ??
    failures[0]
  if (failure?.code === 'CERT_REVOKED') return { ok: false, failure, wanted: [] }
  const wanted = [...check.wantedBeside, ...outcomes.flatMap((outcome) => outcome.wanted)]
  if (failure !== undefined) return { ok: false, failure, wanted }
  const statuses = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.status] : []))
  return { ok: true, statuses, wanted }
}

/** One walk over a path: what is asked on the way, and what it may cost. */
class Check {
  readonly #request: RevocationRequest
  readonly #context: RevocationContext
  /** CRL issuers and responders being asked about. */
  readonly #asking = new Set<string>()
  /** Of those, the ones that have signed a CRL which might speak of themselves. */
  readonly #ownJudges = new Set<string>()
  readonly #standings = new Map<string, Standing>()
  readonly #beside: Wanted[] = []

  constructor(request: RevocationRequest, context: RevocationContext) {
    this.#request = request
    this.#context = context
  }

  /** What CRL issuers outside the path want. */
  get wantedBeside(): readonly Wanted[] {
    return this.#beside
  }

  judge(certificate: Certificate, above: readonly Certificate[]): Outcome {
    const question = this.#question(certificate, above)
    const ocsp = askOcsp(question)
    const { answer: crl, missing, crls } = askCrls(question)
    const revoked = [ocsp, crl].find((answer) => answer.kind === 'revoked')
    if (revoked !== undefined) return { ok: false, failure: revokedFailure(certificate, revoked), wanted: [] }
    const goods = [ocsp, crl].filter((answer) => answer.kind === 'good')
    const good = goods.find((answer) => isOwn(certificate, answer.origin)) ?? goods[0]
    if (good !== undefined) {
      // Whoever is revoked would bring the last list that cleared him: what his CA says now is asked for all the same.
      const isLast = isOwn(certificate, good.origin) && !good.stale
      const wanted = isLast ? [] : prospectOf(question, ALL_REASONS).wanted
      const deltas = good.by === 'crl' ? wantedDeltas(question, crls) : []
      return { ok: true, status: goodStatus(certificate, good), wanted: [...wanted, ...deltas] }
    }
    if (this.#request.unpointed === 'not-revocable' && !isPointed(certificate)) {
      return {
        ok: true,
        status: { certificate, ...NOTHING_KNOWN, status: 'not-revocable', text: null },
        wanted: [],
      }
    }
    const problems = [ocsp, crl].flatMap((answer) => (answer.kind === 'unknown' ? answer.problems : []))
    const prospect = prospectOf(question, missing)
    const failure = unknownFailure(certificate, problems, prospect)
    const { wanted } = prospect
    // Whoever is revoked could use up our patience, and `prefer` is for hosts that do not answer.
    if (this.#request.mode === 'require' || prospect.isUnasked) return { ok: false, failure, wanted }
    const { text } = failure
    return { ok: true, status: { certificate, ...NOTHING_KNOWN, status: 'unknown', text }, wanted }
  }

  #question(certificate: Certificate, above: readonly Certificate[]): Question {
    return {
      certificate,
      issuer: above[0] as Certificate,
      above,
      anchor: above.at(-1) as Certificate,
      request: this.#request,
      context: this.#context,
      spend: this.#context.spend,
      standing: (signer, issuer) => this.#standing(signer, issuer, above),
    }
  }

  #standing(signer: Certificate, issuer: Certificate, above: readonly Certificate[]): Standing {
    const known = this.#standings.get(signer.sha256)
    if (known !== undefined) return known
    if (this.#asking.has(signer.sha256)) {
      this.#ownJudges.add(signer.sha256)
      return 'unknown'
    }
    if (this.#asking.size >= MAX_NESTED) return 'unknown'
    this.#asking.add(signer.sha256)
    const from = above.indexOf(issuer)
    const itsAbove = from >= 0 ? above.slice(from) : [issuer, ...above.slice(-1)]
    const outcome = this.judge(signer, itsAbove)
    this.#asking.delete(signer.sha256)
    const standing = this.#standingFrom(signer, outcome)
    this.#standings.set(signer.sha256, standing)
    return standing
  }

  #standingFrom(signer: Certificate, outcome: Outcome): Standing {
    if (outcome.ok) return 'good'
    if (outcome.failure.code === 'CERT_REVOKED') return 'revoked'
    // A CA that changes its key has no other CRL than the one by the new key: where no older key speaks, the CA's
    // certificate for the new one has to do (RFC 5280 6.3.3 f asks for its path, and no more).
    if (this.#ownJudges.has(signer.sha256)) return 'good'
    this.#beside.push(...outcome.wanted)
    return 'unknown'
  }
}

type Standing = ReturnType<Question['standing']>
