import type { Failure } from '../failures.ts'
import type { RevocationMaterial } from '../revocation/types.ts'
import type { Wanted } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import { nameFor } from './issuing.ts'

const MAX_SHOWN = 200
const OTHER_SCHEME = { refused: true, text: 'only http and https URLs are fetched' } as const

/**
 * Where the issuers of dead ends are to be had (CERT-8), each URL once, and why some are not. Other schemes than http
 * and https are refused (NET), and passed over where one of these stands beside: a directory beside a web server.
 */
export function missingIssuers(
  deadEnds: readonly Certificate[],
  { unavailable }: Pick<RevocationMaterial, 'unavailable'>,
): { readonly wanted: readonly Wanted[]; readonly failures: readonly Failure[] } {
  const wanted = new Map<string, Wanted>()
  const failures: Failure[] = []
  for (const certificate of deadEnds) {
    const fetchable = certificate.caIssuers.filter((url) => /^https?:/i.test(url) && URL.canParse(url))
    const [first] = certificate.caIssuers
    if (fetchable.length === 0 && first !== undefined)
      failures.push(unfetched(certificate, first, OTHER_SCHEME))
    for (const url of fetchable) {
      const reason = unavailable.get(url)
      if (reason !== undefined) failures.push(unfetched(certificate, url, reason))
      else if (!wanted.has(url)) wanted.set(url, { kind: 'issuer', url, certificate })
    }
  }
  return { wanted: [...wanted.values()], failures }
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
    text: `${issuer} could not be fetched from ${short(new URL(url).host)}: ${text}`,
    temporary: true,
  }
}

const short = (text: string) => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)
