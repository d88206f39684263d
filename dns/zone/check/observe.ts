import { X509Certificate } from 'node:crypto'
import type { LdapAnswer } from '../../ldap/types.ts'
import { parseCertRecord } from '../../records/cert-record.ts'
import { readSrv, showSrv } from '../../records/srv-record.ts'
import type { Answer, AnswerRecord } from '../../resolver/types.ts'
import { fingerprint } from '../published.ts'
import { isKnown } from './known.ts'
import type { Expectation, Harmless, Seen } from './types.ts'

/** Keys of an answer that are not ours: a hostile server sends thousands, and a few show what is wrong. */
const MOST_OTHERS = 20

/** A DNS answer, as far as it is compared. */
export function seenInDns(answer: Answer, expected: Expectation, harmless: Harmless): Seen {
  switch (answer.status) {
    case 'failed': {
      const tries = answer.tries.map(({ server, text }) => `${server}: ${text}`)
      const codes = answer.tries.map(({ code }) => code)
      return { status: 'failed', text: tries.join('; ') || 'there is no server to ask', codes }
    }
    case 'absent':
      return { status: 'absent', ttl: answer.soaTtl ?? null }
    case 'found':
      return expected.type === 'SRV' ? targets(answer, expected) : certificates(answer, expected, harmless)
  }
}

/** What a directory's entries hold. Values that are no certificate are CMS, or somebody else's business. */
export function seenInDirectory(answer: LdapAnswer, expected: Expectation, harmless: Harmless): Seen {
  if (answer.status === 'failed') return { status: 'failed', text: answer.text, codes: [] }
  const ders = answer.certificates.filter(isCertificate)
  if (ders.length === 0) return { status: 'absent', ttl: null }
  return { status: 'found', garbled: 0, ttl: null, ...keysOf(ders, expected, harmless) }
}

type Found = Extract<Answer, { readonly status: 'found' }>
type Keys = Pick<Extract<Seen, { readonly status: 'found' }>, 'keys' | 'idle' | 'leftOut'>

function certificates({ records, ttl }: Found, expected: Expectation, harmless: Harmless): Seen {
  const parsed = records.map(({ data }) => parseCertRecord(Buffer.isBuffer(data) ? data : Buffer.alloc(0)))
  const ders = parsed.flatMap((one) => (one.kind === 'pkix' ? [one.certificate] : []))
  const garbled = parsed.filter(({ kind }) => kind === 'garbled').length
  return { status: 'found', garbled, ttl, ...keysOf(ders, expected, harmless) }
}

function targets({ records, ttl }: Found, expected: Expectation): Seen {
  const read = records.flatMap((record) => keyOfSrv(record) ?? [])
  const garbled = records.length - read.length
  return { status: 'found', garbled, ttl, ...fewOf(new Set(read), new Set(), expected) }
}

function keysOf(ders: readonly Uint8Array[], expected: Expectation, harmless: Harmless): Keys {
  const byKey = new Map(ders.map((der) => [fingerprint(der), der]))
  const isIdle = ([key, der]: readonly [string, Uint8Array]) =>
    !isKnown(expected, key) && harmless(expected.domain, der)
  const idle = new Set([...byKey].filter(isIdle).map(([key]) => key))
  return fewOf(new Set(byKey.keys()), idle, expected)
}

/** In an order that does not depend on the answer's, so that two servers with the same records show the same. */
function fewOf(keys: ReadonlySet<string>, idle: ReadonlySet<string>, expected: Expectation): Keys {
  const sorted = [...keys].sort()
  const known = sorted.filter((key) => isKnown(expected, key))
  const others = sorted
    .filter((key) => !isKnown(expected, key))
    .sort((a, b) => Number(idle.has(a)) - Number(idle.has(b)))
  const told = others.slice(0, MOST_OTHERS)
  return {
    keys: [...known, ...told],
    idle: new Set(told.filter((key) => idle.has(key))),
    leftOut: others.length - told.length,
  }
}

function keyOfSrv({ data }: AnswerRecord): string | null {
  const srv = readSrv(data)
  return srv && showSrv(srv)
}

function isCertificate(der: Uint8Array): boolean {
  try {
    new X509Certificate(der)
    return true
  } catch {
    // node:crypto throws for whatever is none.
    return false
  }
}
