import type { VerifiedPath } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import type { ChosenCertificate, Discovery, Recipient, Route, RouteReason } from './recipient-types.ts'
import type { Search } from './search.ts'

const DAY_MS = 24 * 3600_000
/** When an answer without a lifetime of its own is asked for anew. */
const AGAIN_MS = 60_000

const SENTENCES: Record<Route, (address: string) => string> = {
  direct: (address) =>
    `${address} can be reached by Direct: the message will be encrypted to its certificate.`,
  tls: (address) =>
    `${address} has no usable Direct certificate; mail goes to its domain's own server, secured by TLS.`,
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
  const { chosen, deciding, evidence, outcome, advice } = search
  const certificates: ChosenCertificate[] =
    chosen && deciding
      ? [
          {
            sha256: chosen.leaf.sha256,
            foundIn: deciding.place,
            boundTo: chosen.boundTo,
            notAfter: chosen.leaf.notAfter,
          },
        ]
      : []
  const text = address.toString()
  const validUntil = endOf(search, now, { isKnown: route !== 'undetermined' })
  return {
    address: text,
    route,
    directCapable: CAPABLE[outcome],
    why,
    certificates,
    evidence,
    validUntil,
    forUser: SENTENCES[route](text),
    forAdministrator: administratorSentence(`Route ${route}`, why, search, validUntil),
    advice,
  }
}

const CAPABLE: Readonly<Record<Search['outcome'], boolean | null>> = {
  direct: true,
  none: false,
  refused: null,
  undetermined: null,
}

/** What the search came to, whatever route that leads to. */
export function describeSearch(address: Address, search: Search, now: Date): Discovery {
  // Where NET forbids to look, that is final: nothing will be found.
  const outcome = search.outcome === 'refused' ? 'none' : search.outcome
  const validUntil = endOf(search, now, { isKnown: outcome !== 'undetermined' })
  return {
    address: address.toString(),
    places: search.evidence,
    chosen: search.chosen?.leaf.sha256 ?? null,
    outcome,
    why: search.why,
    validUntil,
    forAdministrator: administratorSentence(`Outcome ${outcome}`, search.why, search, validUntil),
    advice: search.advice,
  }
}

/** Until when an answer may be used again (DISC-11); one that is not known is asked for again soon. */
function endOf(
  { outcome, chosen, ttl }: Search,
  now: Date,
  { isKnown }: { readonly isKnown: boolean },
): Date {
  const hasLifetime = isKnown && outcome !== 'refused'
  const lifetime = hasLifetime ? Math.min(ttl * 1000, DAY_MS) : AGAIN_MS
  return new Date(Math.min(now.getTime() + lifetime, ...(chosen ? endsOf(chosen, now) : [])))
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
  what: string,
  why: readonly RouteReason[],
  { chosen, deciding, evidence }: Search,
  validUntil: Date,
): string {
  if (chosen && deciding) {
    const where = `${deciding.place} (${deciding.owner})`
    const found = `Certificate ${chosen.leaf.sha256} from ${where}, bound to the ${chosen.boundTo}`
    // It is its own anchor: that its revocation is not asked is said by its status.
    if (chosen.anchor === chosen.leaf) return `${found}: ${chosen.revocation[0]?.text}.`
    const unchecked = chosen.unchecked.length > 0 ? `; not checked: ${chosen.unchecked.join(', ')}` : ''
    return `${found}, leads to ${chosen.anchor.subjectText}${unchecked}.`
  }
  const places = evidence.filter(({ status }) => status === 'not-asked').map(({ place }) => place)
  const asked = places.length > 0 ? ` Not asked: ${places.join(', ')}.` : ''
  const isOpen = why.some(({ temporary }) => temporary)
  const again = isOpen ? ` Ask again after ${validUntil.toISOString()}.` : ''
  return `${what}: ${why.map(({ code, text }) => `${code}, ${text}`).join('; ')}.${asked}${again}`
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
    advice: [],
  }
}

export function invalidDiscovery(text: string, reason: RouteReason, now: Date): Discovery {
  return {
    address: text,
    places: [],
    chosen: null,
    outcome: 'none',
    why: [reason],
    validUntil: new Date(now.getTime() + DAY_MS),
    forAdministrator: reason.text,
    advice: [],
  }
}
