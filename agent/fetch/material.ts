import type { StoredFetch } from '../../store/index.ts'
import {
  type Certificate,
  type Crl,
  type Failure,
  type OcspResponse,
  parseCrl,
  parseOcspResponse,
  readIssuers,
} from '../../trust-anchors/index.ts'
import { FETCH_LIMIT, type FetchRequest } from './types.ts'

/** What a URL of a certificate gave, read and not believed. */
export type Material =
  | { readonly kind: 'issuer'; readonly certificates: readonly Certificate[] }
  | { readonly kind: 'crl'; readonly crl: Crl }
  | { readonly kind: 'ocsp'; readonly response: OcspResponse }

export interface ReadMaterial {
  readonly material: Material
  /** When its maker made it; an issuer's certificate: when it was fetched. */
  readonly madeAt: Date
  /** Until then it is used without asking again. */
  readonly freshUntil: Date
  /** When the daemon fetches it anew, ahead of need. */
  readonly refreshAt: Date
}

export type MaterialKind = StoredFetch['kind']

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** For what does not say when it ends: a day for CRLs and issuers (CERT-8), little for OCSP (RFC 6960 4.2.2.1). */
const LASTS = { issuer: DAY, crl: DAY, ocsp: 5 * MINUTE } as const

/** Reads an answer's body. The failure says what it is instead. */
export function readMaterial(kind: MaterialKind, body: Uint8Array, fetchedAt: Date): ReadMaterial | Failure {
  const material = parse(kind, body)
  if ('code' in material) return material
  const { thisUpdate, nextUpdate } = datesOf(material)
  const madeAt = thisUpdate ?? fetchedAt
  const freshUntil = nextUpdate ?? new Date(fetchedAt.getTime() + LASTS[kind])
  return { material, madeAt, freshUntil, refreshAt: refreshTime(madeAt, freshUntil, fetchedAt) }
}

/** An old list that is played back to us must not displace a newer one; one from the future protects nothing. */
export function mayReplace(fresh: ReadMaterial, kept: ReadMaterial, now: Date): boolean {
  return fresh.madeAt >= kept.madeAt || kept.madeAt > now
}

/** What is asked of a URL for material of this kind. `request`: the OCSP request, DER. */
export function requestFor(kind: MaterialKind, url: string, request: Uint8Array | null): FetchRequest {
  const limit = kind === 'crl' ? FETCH_LIMIT.crl : FETCH_LIMIT.certificate
  const post = request && { body: request, contentType: 'application/ocsp-request' }
  return { url, limit, ...(post && { post }) }
}

/**
 * A quarter of its life before it ends, at least once a day since a CA may revoke any time; not within five minutes,
 * however old what a CA serves is.
 */
function refreshTime(madeAt: Date, freshUntil: Date, fetchedAt: Date): Date {
  const end = freshUntil.getTime()
  const ahead = end - (end - madeAt.getTime()) / 4
  const fetched = fetchedAt.getTime()
  return new Date(Math.max(Math.min(ahead, fetched + DAY), fetched + 5 * MINUTE))
}

function parse(kind: MaterialKind, body: Uint8Array): Material | Failure {
  if (kind === 'issuer') {
    const certificates = readIssuers(body)
    return 'code' in certificates ? certificates : { kind, certificates }
  }
  if (kind === 'crl') {
    const crl = parseCrl(body)
    return 'code' in crl ? crl : { kind, crl }
  }
  const response = parseOcspResponse(body)
  if ('code' in response) return response
  // A responder that says no more than that it has no answer has given none (RFC 6960 2.3).
  if (response.basic === null)
    return { code: 'REVOCATION_UNKNOWN', text: `the OCSP responder answers ${response.status}` }
  return { kind, response }
}

function datesOf(material: Material): { readonly thisUpdate: Date | null; readonly nextUpdate: Date | null } {
  if (material.kind === 'issuer') return { thisUpdate: null, nextUpdate: null }
  if (material.kind === 'crl') return material.crl
  const answers = material.response.basic?.answers ?? []
  const ends = answers.map(({ nextUpdate }) => nextUpdate)
  const earliest = (dates: readonly Date[]) => dates.reduce((a, b) => (b < a ? b : a))
  return {
    thisUpdate: answers.length === 0 ? null : earliest(answers.map(({ thisUpdate }) => thisUpdate)),
    nextUpdate:
      ends.length === 0 || ends.includes(null) ? null : earliest(ends.filter((end) => end !== null)),
  }
}
