import type { Failure } from '../failures.ts'
import type { RevocationMaterial } from '../revocation/types.ts'
import type { Wanted } from '../wanted.ts'
import type { Certificate } from '../x509/certificate.ts'
import { nameFor } from './issuing.ts'

const MAX_SHOWN = 200

/**
 * Where the issuers of dead ends are to be had (CERT-8), each URL once, and why some are not. Other schemes than http
 * and https are passed over (NET): a directory beside a web server is not asked.
 */
export function missingIssuers(
  deadEnds: readonly Certificate[],
  { unavailable }: Pick<RevocationMaterial, 'unavailable'>,
): { readonly wanted: readonly Wanted[]; readonly failures: readonly Failure[] } {
  const wanted = new Map<string, Wanted>()
  const failures: Failure[] = []
  for (const certificate of deadEnds) {
    for (const url of certificate.caIssuers) {
      if (!/^https?:/i.test(url) || !URL.canParse(url)) continue
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
