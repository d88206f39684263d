import type { Failure } from '../failures.ts'
import type { RevocationMaterial } from '../revocation/types.ts'
import { type Wanted, wantedKey } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import { keyIdentifierMismatch } from './issuers.ts'
import { nameFor } from './issuing.ts'

const MAX_SHOWN = 200
const OTHER_SCHEME = { refused: true, text: 'only http and https URLs are fetched' } as const

/** What URLs came to. */
type Asked = Pick<RevocationMaterial, 'unavailable' | 'issuers'>

export interface MissingIssuers {
  readonly wanted: readonly Wanted[]
  readonly failures: readonly Failure[]
  /** What URLs gave instead: clauses, for who must be told whom to call. */
  readonly mistaken: readonly string[]
}

/**
 * Where the issuers of dead ends are to be had (CERT-8), each URL once, and why some are not. Other schemes than http
 * and https are refused (NET), and passed over where one of these stands beside: a directory beside a web server.
 */
export function missingIssuers(
  deadEnds: readonly Certificate[],
  { unavailable, issuers }: Asked,
): MissingIssuers {
  const wanted = new Map<string, Wanted>()
  const failures: Failure[] = []
  const mistaken: string[] = []
  for (const certificate of deadEnds) {
    const fetchable = certificate.caIssuers.filter((url) => /^https?:/i.test(url) && URL.canParse(url))
    const [first] = certificate.caIssuers
    if (fetchable.length === 0 && first !== undefined)
      failures.push(unfetched(certificate, first, OTHER_SCHEME))
    for (const url of fetchable) {
      const reason = unavailable.get(wantedKey({ kind: 'issuer', url }))
      if (reason !== undefined) failures.push(unfetched(certificate, url, reason))
      else if (!wanted.has(url)) wanted.set(url, { kind: 'issuer', url, certificate })
      const mistake = mistakeOf(certificate, issuers.get(url))
      if (mistake !== null)
        mistaken.push(`${short(url)}, where ${nameFor(certificate)} says it is, ${mistake}`)
    }
  }
  return { wanted: [...wanted.values()], failures, mistaken }
}

/** Null: it was not asked, or gave one that may be the issuer. */
function mistakeOf(certificate: Certificate, given: readonly Certificate[] | undefined): string | null {
  if (given === undefined) return null
  const named = given.filter(({ subjectCanonical }) => subjectCanonical === certificate.issuerCanonical)
  if (named.some((one) => keyIdentifierMismatch(certificate, one) < 2)) return null
  if (named.length > 0) return 'gives a certificate of that name with another key'
  const [first, ...others] = given
  if (first === undefined) return 'gives no certificate'
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  // Whoever is no CA may be a person, whose name does not belong into an error.
  return first.isCa
    ? `gives that of ${short(first.subjectText)}${more} instead`
    : `gives ${nameFor(first)}${more} instead, which is no CA's`
}

function unfetched(
  certificate: Certificate,
  url: string,
  { refused, text }: { readonly refused: boolean; readonly text: string },
): Failure {
  const issuer = `the certificate that issued ${nameFor(certificate)}`
  if (refused)
    return { code: 'URL_REFUSED', text: `${issuer} is at ${short(url)}, which is refused: ${text}` }
  return {
    code: 'UNKNOWN_ISSUER',
    text: `${issuer} could not be had from ${short(url)}: ${text}`,
    temporary: true,
  }
}

const short = (text: string) => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)
