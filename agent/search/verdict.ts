import type { Address } from '../address.ts'
import { adviceOn } from '../advice.ts'
import type { Evidence, JudgedCertificate } from '../evidence.ts'
import type { RouteReason } from '../recipient-types.ts'
import type { JudgedPlace } from './place.ts'

/**
 * What the search came to. `refused`: NET forbids to look at the place whose turn it was; that is final, what is there
 * stays unknown, and no other route stands in for it.
 */
export interface Verdict {
  readonly outcome: 'direct' | 'none' | 'refused' | 'undetermined'
  /** Empty where it is `direct`. */
  readonly why: readonly RouteReason[]
  /** What to do about it, one sentence for each cause. */
  readonly advice: readonly string[]
}

/** `deciding`: the place where the search stopped; null where none did. */
export function verdictOn(
  address: Address,
  deciding: JudgedPlace | null,
  { offline }: { readonly offline: boolean },
): Verdict {
  if (deciding === null && offline) return NOBODY_ASKED
  if (deciding?.chosen) return { outcome: 'direct', why: [], advice: [] }
  const [outcome, why] =
    deciding === null
      ? (['none', [noCertificate(address)]] as const)
      : deciding.evidence.status === 'failed'
        ? notLookedAt(deciding.evidence, address)
        : nothingUsable(deciding.evidence)
  return { outcome, why, advice: adviceOn(why.filter(isToBeMended).map(({ code }) => code)) }
}

/** An anchor that is wanting may be in a bundle that was never had: the reason says which, and time mends it. */
function isToBeMended({ code, temporary }: RouteReason): boolean {
  return !temporary || code === 'LOOKUP_FAILED' || code === 'REVOCATION_UNKNOWN'
}

const NOBODY_ASKED: Verdict = {
  outcome: 'undetermined',
  why: [
    {
      code: 'LOOKUP_FAILED',
      temporary: true,
      text: 'no certificate is configured, and nothing else was asked because the network is forbidden (--no-network)',
    },
  ],
  advice: ['Allow the network, or name the certificate in certificates.'],
}

function noCertificate(address: Address): RouteReason {
  return { code: 'NO_CERTIFICATE', text: `no place that was asked publishes a certificate for ${address}` }
}

type Finding = readonly [Verdict['outcome'], readonly RouteReason[]]

/** DISC-6: not known, unless it is NET that keeps us from asking. */
function notLookedAt(evidence: Evidence, address: Address): Finding {
  const where = whereOf(evidence)
  const how = evidence.notes.join('; ')
  if (evidence.refusedBy === 'guard')
    return ['refused', [{ code: 'URL_REFUSED', text: `${where} is not contacted: ${how}` }]]
  const text =
    evidence.refusedBy === 'servers'
      ? `${where} could not be asked, every server refused the question: ${how}${whoseServers(evidence, address)}`
      : `${where} could not be asked: ${how}`
  return ['undetermined', [{ code: 'LOOKUP_FAILED', text, temporary: true }]]
}

/** A server that answers REFUSED is there: it will not serve us, and waiting changes that for nobody. */
function whoseServers({ place, owner }: Evidence, { domain }: Address): string {
  if (owner === `certdns.${domain}`) return ''
  const key = place === 'cert-server' ? 'certServers' : 'dns.servers'
  return `; see whether ${key} names servers that answer it for this machine`
}

/** DISC-1: what it published decides, and is not usable, now or ever. */
function nothingUsable(evidence: Evidence): Finding {
  const { certificates, unread, notes } = evidence
  const where = whereOf(evidence)
  // What one of them needs could not be had: none of them being usable is not known yet, and no other route is taken.
  const waiting = [
    ...certificates.filter(mayBeUsableLater).flatMap(({ why }) => why),
    ...unread
      .filter(({ status }) => status === 'failed')
      .map((one): RouteReason => ({ code: 'LOOKUP_FAILED', text: unreadText(one, where), temporary: true })),
  ]
  if (waiting.length > 0) return ['undetermined', distinct(waiting)]
  const final = [
    ...withoutCas(certificates).flatMap(({ why }) => why),
    ...unread.map(
      (one): RouteReason => ({
        code: one.status === 'garbled' ? 'CERT_MALFORMED' : 'URL_REFUSED',
        text: unreadText(one, where),
      }),
    ),
  ]
  if (final.length > 0) return ['none', distinct(final)]
  const text = `${where} publishes only what is no certificate: ${notes.join('; ')}`
  return ['none', [{ code: 'CERT_MALFORMED', text }]]
}

function unreadText({ url, text }: Evidence['unread'][number], where: string): string {
  return `${where}: ${text.includes(url) ? text : `${url}: ${text}`}`
}

/** Nothing final is wrong with it. */
function mayBeUsableLater({ usable, why }: JudgedCertificate): boolean {
  return !usable && why.every(({ temporary }) => temporary)
}

/** A chain is published with its CAs: what is wrong with the certificate itself is what its owner has to hear. */
function withoutCas(certificates: readonly JudgedCertificate[]): readonly JudgedCertificate[] {
  const others = certificates.filter(({ why }) => !why.some(({ code }) => code === 'CERT_IS_CA'))
  return others.length > 0 ? others : certificates
}

function whereOf({ place, owner }: Evidence): string {
  return `${place} (${owner})`
}

function distinct(reasons: readonly RouteReason[]): readonly RouteReason[] {
  const seen = new Set<string>()
  return reasons.filter(({ code, text }) => !seen.has(code + text) && seen.add(code + text))
}
