import type { DiscoverySources, Place } from '../dns/index.ts'
import { discoverDeciding } from '../dns/index.ts'
import type { MailServer, TlsProof } from '../mailbox/index.ts'
import {
  type AnchorSets,
  Certificate,
  chooseCertificate,
  parseCertificate,
  type VerifiedPath,
  verifyCertificate,
} from '../trust-anchors/index.ts'
import { type Address, parseAddress } from './address.ts'
import { DirectError, type Reason } from './errors.ts'
import type { Settings } from './settings.ts'
import type { ChosenCertificate, Discovery, Evidence, JudgedCertificate, Recipient, Route } from './types.ts'

/** What classification asks of its neighbours. */
export interface ClassifyTools {
  readonly sources: DiscoverySources
  readonly anchors: AnchorSets
  /** The only identity's `for`, for DISC-10. */
  readonly onlyIdentity: string | null
  /** Certificates in hand that may complete a path: configured ones and our own intermediates. */
  readonly intermediates: readonly Certificate[]
  readonly legacy: Settings['legacy']
  readonly tlsDomains: ReadonlyMap<string, MailServer>
  /** Null: no network is allowed. */
  readonly proveTls: ((server: MailServer, signal?: AbortSignal) => Promise<TlsProof>) | null
  readonly now: () => Date
}

/** A recipient with the proof that later steps demand: the path to encrypt to, or the server to hand over to. */
export interface Classified {
  readonly recipient: Recipient
  readonly address: Address | null
  readonly path: VerifiedPath<'encrypt'> | null
  readonly tls: MailServer | null
}

const IN_PARALLEL = 8
const DAY_MS = 24 * 3600_000
/** When an answer without a lifetime of its own is asked for anew. */
const AGAIN_MS = 60_000

/** Address -> route and why, for each of `addresses`, in their order. Throws NO_ANCHORS when `from` has none. */
export async function classify(
  addresses: readonly string[],
  from: Address | null,
  tools: ClassifyTools,
  signal?: AbortSignal,
): Promise<readonly Classified[]> {
  const anchors = outgoingAnchors(from, tools)
  const answers: Classified[] = []
  const waiting = addresses.entries()
  const work = async () => {
    for (const [index, text] of waiting) answers[index] = await classifyOne(text, anchors, tools, signal)
  }
  await Promise.all(Array.from({ length: Math.min(IN_PARALLEL, addresses.length) }, work))
  return answers
}

/** Every certificate found for one address and the verdict on it. */
export async function discover(
  text: string,
  from: Address | null,
  tools: ClassifyTools,
  signal?: AbortSignal,
): Promise<Discovery> {
  const anchors = outgoingAnchors(from, tools)
  const address = parseAddress(text)
  if ('code' in address) throw new DirectError('ADDRESS_INVALID', address.text)
  const search = await searchFor(address, anchors, tools, signal)
  const chosen = search.chosen?.leaf.sha256 ?? null
  const outcome = search.undetermined ? 'undetermined' : chosen === null ? 'none' : 'direct'
  return { address: address.toString(), places: search.evidence, chosen, outcome }
}

function outgoingAnchors(from: Address | null, tools: ClassifyTools): readonly Certificate[] {
  const anchors = tools.anchors.outgoingFor(from, tools.onlyIdentity)
  if (anchors.length > 0) return anchors
  throw new DirectError(
    'NO_ANCHORS',
    `no outgoing trust anchors are configured for ${from ?? tools.onlyIdentity ?? '*'}`,
    {
      hint: "Add an entry to trust with direction outgoing or both, and its anchors; without one nobody's certificate can be believed.",
    },
  )
}

async function classifyOne(
  text: string,
  anchors: readonly Certificate[],
  tools: ClassifyTools,
  signal?: AbortSignal,
): Promise<Classified> {
  const address = parseAddress(text)
  if ('code' in address)
    return { recipient: invalidRecipient(text, address, tools.now()), address: null, path: null, tls: null }
  const search = await searchFor(address, anchors, tools, signal)
  const answer = (route: Route, why: readonly Reason[], rest: Partial<Classified> = {}): Classified => ({
    recipient: describe(address, route, why, search, tools.now()),
    address,
    path: null,
    tls: null,
    ...rest,
  })
  if (search.undetermined) return answer('undetermined', search.why)
  if (search.chosen) return answer('direct', search.why, { path: search.chosen })
  const tls = tools.tlsDomains.get(address.domain)
  if (!tls) return answer('insecure', search.why)
  const proof = tools.proveTls === null ? FORBIDDEN : await tools.proveTls(tls, signal)
  if (proof.proved) return answer('tls', search.why, { tls })
  const notProved = {
    code: 'TLS_NOT_PROVED',
    text: `${tls.host}:${tls.port} did not prove TLS: ${proof.text}`,
  }
  return answer(proof.temporary ? 'undetermined' : 'insecure', [notProved, ...search.why])
}

const FORBIDDEN: TlsProof = {
  proved: false,
  temporary: true,
  text: 'the network is forbidden (--no-network)',
}

/** What the places of DISC-1 gave, judged. */
interface Search {
  readonly evidence: readonly Evidence[]
  readonly chosen: VerifiedPath<'encrypt'> | null
  readonly foundIn: Place['place'] | null
  readonly undetermined: boolean
  readonly why: readonly Reason[]
  /** Seconds for which the deciding answers may be used again. */
  readonly ttl: number
}

async function searchFor(
  address: Address,
  anchors: readonly Certificate[],
  tools: ClassifyTools,
  signal?: AbortSignal,
): Promise<Search> {
  const places = await discoverDeciding(address, tools.sources, signal)
  const evidence: Evidence[] = []
  const paths: VerifiedPath<'encrypt'>[] = []
  for (const place of places) {
    const judged = judgePlace(place, address, anchors, tools)
    evidence.push(judged.evidence)
    paths.push(...judged.paths)
  }
  const deciding = places.find(({ status }) => status === 'found' || status === 'failed')
  const ttl = Math.min(...places.filter(({ status }) => status !== 'not-asked').map((place) => place.ttl))
  const chosen = chooseCertificate(paths)
  const offline = tools.sources.resolver === null && deciding === undefined
  return {
    evidence,
    chosen,
    foundIn: deciding?.place ?? null,
    undetermined: offline || deciding?.status === 'failed',
    why: offline ? [LOOKUPS_FORBIDDEN] : reasons(address, deciding, evidence, chosen),
    ttl,
  }
}

const LOOKUPS_FORBIDDEN: Reason = {
  code: 'LOOKUP_FAILED',
  text: 'no certificate is configured, and nothing else was asked because the network is forbidden (--no-network)',
}

function judgePlace(place: Place, address: Address, anchors: readonly Certificate[], tools: ClassifyTools) {
  const certificates: Certificate[] = []
  const malformed: string[] = []
  for (const der of place.certificates) {
    const parsed = parseCertificate(der)
    if (parsed instanceof Certificate) certificates.push(parsed)
    else malformed.push(parsed.text)
  }
  const paths: VerifiedPath<'encrypt'>[] = []
  const judged = certificates.map((leaf): JudgedCertificate => {
    const verdict = verifyCertificate('encrypt', address, leaf, {
      candidates: [...certificates, ...tools.intermediates],
      anchors,
      at: tools.now(),
      sha1: tools.legacy.sha1From.includes(address.domain),
      subjectEmail: tools.legacy.subjectEmail,
    })
    if (verdict.ok) paths.push(verdict.path)
    return {
      sha256: leaf.sha256,
      usable: verdict.ok,
      boundTo: verdict.ok ? verdict.path.boundTo : null,
      notAfter: leaf.notAfter,
      why: verdict.ok ? [] : verdict.failures,
      unchecked: verdict.ok ? verdict.path.unchecked : [],
    }
  })
  const { place: name, owner, status, questions, notes } = place
  const evidence: Evidence = {
    place: name,
    owner,
    status,
    certificates: judged,
    questions,
    notes: [...notes, ...malformed],
  }
  return { evidence, paths }
}

function reasons(
  address: Address,
  deciding: Place | undefined,
  evidence: readonly Evidence[],
  chosen: VerifiedPath<'encrypt'> | null,
): readonly Reason[] {
  if (chosen) return []
  if (!deciding)
    return [
      { code: 'NO_CERTIFICATE', text: `no place that was asked publishes a certificate for ${address}` },
    ]
  const { certificates, notes } = evidence.find(({ place }) => place === deciding.place) as Evidence
  const where = `${deciding.place} (${deciding.owner})`
  if (deciding.status === 'failed')
    return [{ code: 'LOOKUP_FAILED', text: `${where} could not be asked: ${notes.join('; ')}` }]
  if (certificates.length === 0)
    return [
      {
        code: 'CERT_MALFORMED',
        text: `${where} publishes only records that are no certificates: ${notes.join('; ')}`,
      },
    ]
  const seen = new Set<string>()
  return certificates
    .flatMap(({ why }) => why)
    .filter(({ code, text }) => !seen.has(code + text) && seen.add(code + text))
}

const SENTENCES: Record<Route, (address: string) => string> = {
  direct: (address) =>
    `${address} can be reached by Direct: the message will be encrypted to its certificate.`,
  tls: (address) =>
    `${address} has no Direct certificate; mail goes to its domain's own server, secured by TLS.`,
  insecure: (address) => `${address} cannot be reached securely, so nothing will be sent to it.`,
  undetermined: (address) => `How ${address} can be reached is not known yet; try again in a few minutes.`,
}

function describe(
  address: Address,
  route: Route,
  why: readonly Reason[],
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
  const until = Math.min(
    now.getTime() + lifetime,
    chosen?.leaf.notAfter.getTime() ?? Number.POSITIVE_INFINITY,
  )
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

function administratorSentence(
  route: Route,
  why: readonly Reason[],
  chosen: VerifiedPath<'encrypt'> | null,
  search: Search,
): string {
  if (chosen) {
    const unchecked = chosen.unchecked.length > 0 ? `; not checked: ${chosen.unchecked.join(', ')}` : ''
    return `Certificate ${chosen.leaf.sha256} from ${search.foundIn}, bound to the ${chosen.boundTo}, leads to ${chosen.anchor.subjectText}${unchecked}.`
  }
  const places = search.evidence.filter(({ status }) => status === 'not-asked').map(({ place }) => place)
  const asked = places.length > 0 ? ` Not asked: ${places.join(', ')}.` : ''
  return `Route ${route}: ${why.map(({ code, text }) => `${code}, ${text}`).join('; ')}.${asked}`
}

function invalidRecipient(text: string, reason: Reason, now: Date): Recipient {
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
