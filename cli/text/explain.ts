import type {
  ApplicableAnchors,
  Evidence,
  ExplainedCertificate,
  Explanation,
  FetchedUrl,
  NamedCertificate,
  PathStep,
} from '../../agent/index.ts'
import { printable, short } from '../printable.ts'
import { revocationText } from './revocation.ts'

/** Steps of one search that are shown; a hostile set of certificates may have taken a thousand. */
const MOST_STEPS = 60
const USES = { encrypt: 'to encrypt to', sign: 'as signer' } as const

/** The tree of what was tried, for an administrator to read from top to bottom. */
export function explanationText(explanation: Explanation): string {
  const { target, outcome, why, anchors, places, judged, fetched, notes, advice } = explanation
  // Of a certificate that was judged, its own lines say why.
  const said = new Set(judged.flatMap((one) => one.why.map(({ text }) => text)))
  const lines = [
    `${outcome}  ${target}`,
    ...why.filter(({ text }) => !said.has(text)).map(({ code, text }) => `  ${code}: ${text}`),
    ...notes.map((sentence) => `  ${sentence}`),
    ...anchors.flatMap(anchorsText),
    ...places.map(placeText),
    ...judged.flatMap(judgedText),
    ...fetched.map(fetchedText),
    ...advice.map((sentence) => `  do: ${sentence}`),
  ]
  return lines.map(printable).join('\n')
}

function anchorsText({ direction, for: name, certificates, missing }: ApplicableAnchors): readonly string[] {
  const none = missing.length > 0 ? 'none yet' : 'none, so nobody is trusted'
  return [
    `  ${direction} anchors of ${name}: ${certificates.length === 0 ? none : certificates.length}`,
    ...certificates.map((one) => `    ${namedText(one)}`),
    ...missing.map((sentence) => `    ${sentence}`),
  ]
}

function namedText({ sha256, name, notAfter, origins }: NamedCertificate): string {
  const until = notAfter.toISOString().slice(0, 10)
  return `${name}  ${short(sha256)}  until ${until}${originsText(origins)}`
}

function originsText(origins: readonly string[]): string {
  return origins.length === 0 ? '' : `  (${origins.join('; ')})`
}

function placeText({ place, owner, status, certificates, notes }: Evidence): string {
  const count = certificates.length === 0 ? '' : `, ${certificates.length} certificate(s)`
  return `  ${place}  ${owner}  ${status}${count}${notes.map((note) => `; ${note}`).join('')}`
}

function judgedText(one: ExplainedCertificate): readonly string[] {
  return [
    `  certificate ${short(one.sha256)} of ${one.name}, ${USES[one.purpose]} ${one.address}: ${one.verdict}`,
    ...one.why.map(({ code, text, temporary }) => `    ${code}: ${text}${temporary ? ' (may pass)' : ''}`),
    ...stepsText(one),
    ...one.path.slice(1).map((certificate, i) => `    ${'  '.repeat(i)}under ${namedText(certificate)}`),
    ...one.revocation.map((facts) => `    ${revocationText(facts)}`),
  ]
}

function stepsText({ tried, why, path }: ExplainedCertificate): readonly string[] {
  const lines = [...walk(tried.issuers, 2)]
  const { failure } = tried
  const isSaid = failure === null || why.some(({ text }) => text.startsWith(failure.text))
  const own = [
    ...(tried.isAnchor ? [`    it is itself a trust anchor${originsText(path[0]?.origins ?? [])}`] : []),
    ...(isSaid ? [] : [`    tried: ${failure.code}: ${failure.text}`]),
  ]
  const more = lines.length > MOST_STEPS ? [`    … and ${lines.length - MOST_STEPS} more`] : []
  return [...own, ...lines.slice(0, MOST_STEPS), ...more]
}

function* walk(steps: readonly PathStep[], depth: number): Generator<string> {
  for (const { name, sha256, isAnchor, failure, issuers } of steps) {
    const what = isAnchor ? 'anchor' : 'issuer'
    const verdict = failure === null ? 'fits' : `${failure.code}: ${failure.text}`
    yield `${'  '.repeat(depth)}tried ${what} ${name}  ${short(sha256)}: ${verdict}`
    yield* walk(issuers, depth + 1)
  }
}

function fetchedText({ url, status, text }: FetchedUrl): string {
  return status === 'ok' ? `  fetched ${url}` : `  not fetched (${status}): ${text ?? url}`
}
