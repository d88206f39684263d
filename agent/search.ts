import { type DiscoverySources, discoverDeciding, type Place } from '../dns/index.ts'
import {
  Certificate,
  chooseCertificate,
  parseCertificate,
  type VerifiedPath,
  verifyCertificate,
} from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import type { Settings } from './settings.ts'
import type { Evidence, JudgedCertificate, RouteReason } from './types.ts'

/** What looking for an address's certificates asks of its neighbours. */
export interface SearchTools {
  readonly sources: DiscoverySources
  /** Certificates in hand that may complete a path: the configured ones. */
  readonly intermediates: readonly Certificate[]
  readonly legacy: Settings['legacy']
  readonly now: () => Date
}

/** What the places of DISC-1 gave, judged. */
export interface Search {
  readonly evidence: readonly Evidence[]
  readonly chosen: VerifiedPath<'encrypt'> | null
  readonly foundIn: Place['place'] | null
  readonly undetermined: boolean
  readonly why: readonly RouteReason[]
  /** Seconds for which the deciding answers may be used again. */
  readonly ttl: number
}

/** Asks the places in their order until one decides, and judges every certificate that it published (DISC-1, DISC-10). */
export async function searchFor(
  address: Address,
  anchors: readonly Certificate[],
  tools: SearchTools,
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

const LOOKUPS_FORBIDDEN: RouteReason = {
  code: 'LOOKUP_FAILED',
  text: 'no certificate is configured, and nothing else was asked because the network is forbidden (--no-network)',
}

function judgePlace(place: Place, address: Address, anchors: readonly Certificate[], tools: SearchTools) {
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
): readonly RouteReason[] {
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
