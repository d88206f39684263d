import { datesFailure, keyFailure, nameFor, signatureFailure } from '../path/issuing.ts'
import { Certificate, distinct, parseCertificate } from '../x509/certificate.ts'
import type { BasicOcspResponse, OcspAnswer, OcspResponse } from './ocsp.ts'
import { isAbout, keyHash } from './ocsp-request.ts'
import { isPointed } from './outcome.ts'
import {
  type Answer,
  CERTIFICATE_HOLD,
  ownFirst,
  type Problem,
  periodAt,
  type Question,
  timeText,
} from './question.ts'
import { isSignedBy, refusedScheme } from './signature.ts'
import { shown } from './urls.ts'

type AtHand = Question['request']['material']['ocsp'][number]

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
/** Not known to `path/`, and it may be critical: it says that the responder's own status need not be asked. */
const NO_CHECK = '1.3.6.1.5.5.7.48.1.5'
/** Extensions of a responder's certificate that may be critical. Name constraints and policies bind CAs alone. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  '2.5.29.15',
  '2.5.29.17',
  '2.5.29.19',
  '2.5.29.31',
  '2.5.29.32',
  '2.5.29.37',
  NO_CHECK,
])

/** RFC 6960 3.2: what the OCSP responses at hand say of one certificate. */
export function askOcsp(question: Question): Answer {
  const problems = new Map<string, Problem>()
  let good: Extract<Answer, { kind: 'good' }> | null = null
  for (const one of question.request.material.ocsp.toSorted(ownFirst(question.certificate))) {
    const answer = readResponse(one, question)
    if (answer === null) continue
    if (answer.kind === 'revoked') return answer
    if (answer.kind === 'good') {
      if (good === null || answer.thisUpdate > good.thisUpdate) good = answer
    } else for (const problem of answer.problems) problems.set(problem.text, problem)
  }
  return good ?? { kind: 'unknown', problems: [...problems.values()] }
}

/** Null: it is about other certificates. */
function readResponse({ response, origin, nonce }: AtHand, question: Question): Answer | null {
  const { certificate, issuer, context } = question
  const { basic } = response
  if (basic === null) return refusedToAnswer(response, origin, certificate)
  const answers = basic.answers.filter((answer) => isAbout(answer.certificate, certificate, issuer))
  if (answers.length === 0) return null
  const source = `the OCSP response for ${nameFor(certificate)} (${shown(origin)})`
  const unknown = (end: string, passing: boolean): Answer => ({
    kind: 'unknown',
    problems: [{ text: `${source} ${end}`, passing }],
  })
  if (basic.unknownCritical !== null) {
    return unknown(`has a critical extension that is not known here (${basic.unknownCritical})`, false)
  }
  const refused = refusedScheme(basic.scheme, context.algorithms)
  if (refused !== null) return unknown(refused, false)
  if (nonce !== null && basic.nonce !== null && Buffer.compare(nonce, basic.nonce) !== 0) {
    return unknown('is the answer to another request (its nonce differs)', true)
  }
  const unbelievable = signerProblem(basic, question)
  if (unbelievable !== null) return unknown(unbelievable, true)
  return judgeAnswers(answers, { question, origin, unknown })
}

/** What remains once the response is known to be the CA's own word. */
function judgeAnswers(
  answers: readonly OcspAnswer[],
  context: {
    readonly question: Question
    readonly origin: string
    readonly unknown: (end: string, passing: boolean) => Answer
  },
): Answer {
  const { question, origin, unknown } = context
  const { at } = question.context
  let result: Answer | null = null
  for (const answer of answers.toSorted((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime())) {
    const { status, revokedAt, reason, thisUpdate, nextUpdate } = answer
    const period = periodAt(answer, at, SKEW_MS)
    const speaks = period === 'current' || period === 'stale'
    if (answer.unknownCritical !== null) {
      const end = `has a critical extension that is not known here (${answer.unknownCritical})`
      result ??= unknown(end, false)
    } else if (period === 'early') {
      result ??= unknown(`is of a time to come (${timeText(thisUpdate)})`, true)
    } else if (revokedAt !== null && (speaks || reason !== CERTIFICATE_HOLD)) {
      return { kind: 'revoked', at: revokedAt, reason, source: 'its OCSP responder' }
    } else if (!speaks) {
      const end =
        nextUpdate === null
          ? `of ${timeText(thisUpdate)} is more than a day old`
          : `ended on ${timeText(nextUpdate)}`
      result ??= unknown(end, true)
    } else if (status === 'unknown') {
      // A responder may hear of a new certificate hours after its owner does.
      result ??= unknown('says that the responder does not know it', true)
    } else result ??= { kind: 'good', by: 'ocsp', origin, thisUpdate, nextUpdate, stale: false }
  }
  return result as Answer
}

/** Clocks differ. */
const SKEW_MS = 5 * 60_000

/** Not signed, so it can do no more than leave the question open. */
function refusedToAnswer(response: OcspResponse, origin: string, certificate: Certificate): Answer | null {
  // What no request of ours has brought is about who knows which certificate.
  if (!certificate.ocspUrls.includes(origin)) return null
  return {
    kind: 'unknown',
    problems: [
      { text: `the OCSP responder ${shown(origin)} gave no answer (${response.status})`, passing: true },
    ],
  }
}

/**
 * Null if the issuer's own key signed, or that of a responder which the same key has certified for it (RFC 6960
 * 4.2.2.2), unless that one is revoked.
 */
function signerProblem(basic: BasicOcspResponse, question: Question): string | null {
  const { issuer, context, spend } = question
  const came = basic.certificates.map(parseCertificate).filter((one) => one instanceof Certificate)
  const named = distinct([issuer, ...came, ...context.candidates]).filter((one) =>
    'name' in basic.responder
      ? one.subjectCanonical === basic.responder.name
      : keyHash(one) === basic.responder.keyHash,
  )
  let why = 'cannot be checked: it comes without a certificate of its responder'
  for (const signer of named) {
    const isSigned = isSignedBy(basic, signer, spend)
    if (isSigned === null) return 'was not checked: the work allowed is used up'
    if (!isSigned) {
      why = 'is not signed by the responder that it names'
      continue
    }
    if (Buffer.compare(signer.spki, issuer.spki) === 0) return null
    const refused = delegationProblem(signer, question)
    if (refused === null) return null
    why = `is signed by a responder that ${refused}`
  }
  return why
}

function delegationProblem(responder: Certificate, question: Question): string | null {
  const { issuer, context, spend } = question
  if (responder.issuerCanonical !== issuer.subjectCanonical) return 'another CA has certified'
  if (responder.extendedKeyUsage === null || !responder.extendedKeyUsage.includes(OCSP_SIGNING)) {
    return 'may not answer for its CA (its extendedKeyUsage lacks OCSPSigning)'
  }
  if (responder.keyUsage !== null && !responder.keyUsage.has('digitalSignature')) {
    return 'may not sign (keyUsage lacks digitalSignature)'
  }
  if (keyFailure(responder, context.algorithms, '') !== null) return 'has a key that is not accepted'
  if (datesFailure(responder, context.at, 'its certificate') !== null)
    return 'has a certificate that is not valid now'
  const critical = responder.extensions.find(({ oid, critical }) => critical && !UNDERSTOOD.has(oid))
  if (critical !== undefined) return `has a critical extension that is not known here (${critical.oid})`
  // With a broken digest anybody could have become a responder.
  if (signatureFailure(responder, context.algorithms) !== null) {
    return 'has a certificate with a signature that is not accepted'
  }
  if (!spend() || !responder.isSignedBy(issuer)) return 'its CA has not certified'
  const standing = question.standing(responder, issuer)
  if (standing === 'revoked') return 'is revoked itself'
  // RFC 6960 4.2.2.2.1: its CA says that it need not be asked about, or says where.
  const isAsked = isPointed(responder) && !responder.extensions.some(({ oid }) => oid === NO_CHECK)
  return isAsked && standing === 'unknown' ? 'may be revoked itself, which is not known' : null
}
