import { NEGATIVE } from '../lifetimes.ts'
import { canonicalName, isDnsName, isWithin } from '../names.ts'
import type { Message, WireRecord } from './message.ts'
import type { AnswerRecord, FailedTry, RecordType } from './types.ts'
import { RCODE } from './wire.ts'

const MAX_ALIASES = 8

/** The names that led here, the one now asked for last, and the least TTL on the way. */
export interface Trail {
  readonly names: readonly string[]
  readonly ttl: number
}

/** What an answer says about the end of the trail. `alias`: the last name is to be asked for. */
export type Reading =
  | { readonly kind: 'found'; readonly records: readonly AnswerRecord[]; readonly ttl: number }
  | { readonly kind: 'NXDOMAIN' | 'NODATA'; readonly ttl: number; readonly soaTtl?: number }
  | { readonly kind: 'alias'; readonly trail: Trail }
  | { readonly kind: 'failed'; readonly code: FailedTry['code']; readonly text: string }

/**
 * Reads a NOERROR or NXDOMAIN answer: follows its CNAMEs (DISC-5), then tells records, absence, and an alias that
 * leaves the answer apart. Absence is RFC 2308 2: NXDOMAIN, a SOA from above the name, or nothing at all. Name
 * servers without a SOA, from a server that is not authoritative, are a referral: it does not know (DISC-6).
 */
export function interpret(message: Message, trail: Trail, type: RecordType): Reading {
  const names = [...trail.names]
  let ttl = trail.ttl
  for (;;) {
    const here = message.answers.filter((record) => record.name === names.at(-1))
    const records = here.filter((record): record is AnswerRecord => record.type === type)
    if (records.length > 0) {
      if (message.rcode !== RCODE.NOERROR) return malformed('it holds records and says NXDOMAIN')
      return { kind: 'found', records, ttl: Math.min(ttl, ...records.map((record) => record.ttl)) }
    }
    const alias = here.find((record) => record.type === 'CNAME')
    if (alias === undefined) break
    const target = typeof alias.data === 'string' ? canonicalName(alias.data) : ''
    if (!isDnsName(target)) return malformed('a CNAME points to what is not a name')
    if (names.includes(target)) return looped('its CNAMEs lead in a circle')
    if (names.push(target) > MAX_ALIASES + 1) return looped(`more than ${MAX_ALIASES} CNAMEs in a row`)
    ttl = Math.min(ttl, alias.ttl)
  }
  return readAbsence(message, { names, ttl }, names.length > trail.names.length)
}

function readAbsence(message: Message, trail: Trail, moved: boolean): Reading {
  const name = trail.names.at(-1) as string
  const soa = message.authorities.find((record) => record.type === 'SOA' && isWithin(name, record.name))
  const ttl = {
    ttl: withinBounds(negativeTtl(soa, trail.ttl)),
    ...(soa && { soaTtl: negativeTtl(soa, trail.ttl) }),
  }
  if (message.rcode === RCODE.NXDOMAIN) return { kind: 'NXDOMAIN', ...ttl }
  if (soa !== undefined) return { kind: 'NODATA', ...ttl }
  if (moved) return { kind: 'alias', trail }
  if (message.answers.length > 0) return malformed('its records are not what was asked for')
  if (!message.authoritative && message.authorities.some((record) => record.type === 'NS')) {
    return { kind: 'failed', code: 'LAME', text: 'refers to other servers, it neither knows nor asks them' }
  }
  return { kind: 'NODATA', ...ttl }
}

/** RFC 2308 5: the lesser of the SOA's own TTL and its minimum field. */
function negativeTtl(soa: WireRecord | undefined, trailTtl: number): number {
  const minimum = (soa?.data as { readonly minimum?: number } | undefined)?.minimum ?? 0
  return soa === undefined ? 0 : Math.min(soa.ttl, minimum, trailTtl)
}

function withinBounds(seconds: number): number {
  return Math.min(Math.max(seconds, NEGATIVE.least), NEGATIVE.most)
}

function malformed(why: string): Reading {
  return { kind: 'failed', code: 'MALFORMED', text: `the answer makes no sense: ${why}` }
}

function looped(text: string): Reading {
  return { kind: 'failed', code: 'CNAME_LOOP', text }
}
