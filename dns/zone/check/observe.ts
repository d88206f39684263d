import { X509Certificate } from 'node:crypto'
import type { LdapAnswer } from '../../ldap/types.ts'
import { parseCertRecord } from '../../records/cert-record.ts'
import { readSrv, showSrv } from '../../records/srv-record.ts'
import type { Answer, AnswerRecord } from '../../resolver/types.ts'
import { fingerprint } from '../published.ts'
import type { Seen } from './types.ts'

/** A DNS answer, as far as it is compared. */
export function seenInDns(answer: Answer, type: 'CERT' | 'SRV'): Seen {
  switch (answer.status) {
    case 'failed': {
      const tries = answer.tries.map(({ server, text }) => `${server}: ${text}`)
      return { status: 'failed', text: tries.join('; ') || 'there is no server to ask' }
    }
    case 'absent':
      return { status: 'absent', ttl: answer.soaTtl ?? null }
    case 'found':
      return type === 'CERT' ? certificates(answer) : targets(answer)
  }
}

/** What a directory's entries hold. Values that are no certificate are CMS, or somebody else's business. */
export function seenInDirectory(answer: LdapAnswer): Seen {
  if (answer.status === 'failed') return { status: 'failed', text: answer.text }
  const keys = answer.certificates.filter(isCertificate).map(fingerprint)
  return keys.length === 0
    ? { status: 'absent', ttl: null }
    : { status: 'found', keys, garbled: 0, ttl: null }
}

type Found = Extract<Answer, { readonly status: 'found' }>

function certificates({ records, ttl }: Found): Seen {
  const parsed = records.map(({ data }) => parseCertRecord(Buffer.isBuffer(data) ? data : Buffer.alloc(0)))
  const keys = parsed.flatMap((one) => (one.kind === 'pkix' ? [fingerprint(one.certificate)] : []))
  const garbled = parsed.filter(({ kind }) => kind === 'garbled').length
  return { status: 'found', keys: [...new Set(keys)], garbled, ttl }
}

function targets({ records, ttl }: Found): Seen {
  const keys = records.flatMap((record) => keyOfSrv(record) ?? [])
  return { status: 'found', keys, garbled: records.length - keys.length, ttl }
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
