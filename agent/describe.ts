import type { VerifiedPath } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import type { ChosenCertificate, Recipient, Route, RouteReason } from './recipient-types.ts'
import type { Search } from './search.ts'

const DAY_MS = 24 * 3600_000
/** When an answer without a lifetime of its own is asked for anew. */
const AGAIN_MS = 60_000

const SENTENCES: Record<Route, (address: string) => string> = {
  direct: (address) =>
    `${address} can be reached by Direct: the message will be encrypted to its certificate.`,
  tls: (address) =>
    `${address} has no Direct certificate; mail goes to its domain's own server, secured by TLS.`,
  insecure: (address) => `${address} cannot be reached securely, so nothing will be sent to it.`,
  undetermined: (address) => `How ${address} can be reached is not known yet; try again in a few minutes.`,
}

/** The answer to one address, with a sentence for the person who writes and one for the administrator. */
export function describe(
  address: Address,
  route: Route,
  why: readonly RouteReason[],
  search: Search,
  now: Date,
): Recipient {
  const chosen = route === 'direct' ? search.chosen : null
  const certificates: ChosenCertificate[] =
    chosen && search.foundIn
      ? [
          {
            sha256: chosen.leaf.sha256,
            foundIn: search.foundIn,
            boundTo: chosen.boundTo,
            notAfter: chosen.leaf.notAfter,
          },
        ]
      : []
  const lifetime = route === 'undetermined' ? AGAIN_MS : Math.min(search.ttl * 1000, DAY_MS)
  const until = Math.min(now.getTime() + lifetime, ...(chosen ? endsOf(chosen, now) : []))
  const text = address.toString()
  return {
    address: text,
    route,
    directCapable: search.undetermined ? null : search.chosen !== null,
    why,
    certificates,
    evidence: search.evidence,
    validUntil: new Date(until),
    forUser: SENTENCES[route](text),
    forAdministrator: administratorSentence(route, why, chosen, search),
  }
}

/** When what the path rests on ends (DISC-11): its certificates, and what is known about their revocation. */
function endsOf({ certificates, revocation }: VerifiedPath<'encrypt'>, now: Date): readonly number[] {
  const soon = now.getTime() + AGAIN_MS
  return [
    ...certificates.map(({ notAfter }) => notAfter.getTime()),
    // Past its end, or not known: it speaks for the moment alone.
    ...revocation.map(({ status, nextUpdate }) =>
      status === 'unknown' ? soon : Math.max(nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY, soon),
    ),
  ]
}

function administratorSentence(
  route: Route,
  why: readonly RouteReason[],
  chosen: VerifiedPath<'encrypt'> | null,
  search: Search,
): string {
  if (chosen) {
    const found = `Certificate ${chosen.leaf.sha256} from ${search.foundIn}, bound to the ${chosen.boundTo}`
    // It is its own anchor: that its revocation is not asked is said by its status.
    if (chosen.anchor === chosen.leaf) return `${found}: ${chosen.revocation[0]?.text}.`
    const unchecked = chosen.unchecked.length > 0 ? `; not checked: ${chosen.unchecked.join(', ')}` : ''
    return `${found}, leads to ${chosen.anchor.subjectText}${unchecked}.`
  }
  const places = search.evidence.filter(({ status }) => status === 'not-asked').map(({ place }) => place)
  const asked = places.length > 0 ? ` Not asked: ${places.join(', ')}.` : ''
  return `Route ${route}: ${why.map(({ code, text }) => `${code}, ${text}`).join('; ')}.${asked}`
}

export function invalidRecipient(text: string, reason: RouteReason, now: Date): Recipient {
  return {
    address: text,
    route: 'insecure',
    directCapable: false,
    why: [reason],
    certificates: [],
    evidence: [],
    validUntil: new Date(now.getTime() + DAY_MS),
    forUser: `${JSON.stringify(text.slice(0, 100))} is not an address that mail can be sent to.`,
    forAdministrator: reason.text,
  }
}
