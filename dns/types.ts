import type { Address } from '../agent/address.ts'

/** A server: an IP literal (IPv6 without brackets) or a name, and a port. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** The record types that direct-agent asks for. */
export type RecordType = 'CERT' | 'A' | 'AAAA' | 'SRV' | 'SOA' | 'NS'

/** One record of an answer's final owner name, after CNAMEs. */
export interface AnswerRecord {
  readonly name: string
  readonly type: RecordType
  /** Seconds. */
  readonly ttl: number
  /** CERT: the raw RDATA as Buffer. A/AAAA: the address as text. Others: dns-packet's object. */
  readonly data: unknown
}

/** What one question came to (DISC-6): absence and failure are never confused. */
export type Answer =
  | {
      readonly status: 'found'
      readonly records: readonly AnswerRecord[]
      readonly ttl: number
      readonly server: string
    }
  | {
      readonly status: 'absent'
      readonly kind: 'NXDOMAIN' | 'NODATA'
      readonly ttl: number
      readonly server: string
    }
  | { readonly status: 'failed'; readonly tries: readonly FailedTry[] }

/** One server that did not answer the question, and how: for the person who has to mend it. */
export interface FailedTry {
  readonly server: string
  readonly code:
    | 'TIMEOUT'
    | 'SERVFAIL'
    | 'REFUSED'
    | 'FORMERR'
    | 'MALFORMED'
    | 'UNREACHABLE'
    | 'CNAME_LOOP'
    | 'TRUNCATED'
    | 'LAME'
    | 'OTHER'
  readonly text: string
}

/**
 * The DNS seam: one function. Tests hand in a literal zone and look at the questions that came.
 * Rejects with DirectError `ABORTED` when the signal fires; every other outcome is an `Answer`.
 */
export interface Resolver {
  resolve(name: string, type: RecordType, options?: { readonly signal?: AbortSignal }): Promise<Answer>
}

/** DISC-1, in order. */
export type PlaceName =
  | 'configured'
  | 'dns-address'
  | 'dns-domain'
  | 'ldap-address'
  | 'ldap-domain'
  | 'cert-server'

/** What one place published for an address. */
export interface Place {
  readonly place: PlaceName
  /** The owner name asked, the file configured, or the server; for evidence. */
  readonly owner: string
  readonly status: 'found' | 'absent' | 'failed' | 'not-asked'
  /** Of `failed`: every server answered, and would not answer this (RCODE 5): it is not away, it is not ours to ask. */
  readonly refused?: true
  /**
   * DER, in the order published; only parsable CERT records of type PKIX. Empty unless `found`; empty although
   * `found` when every PKIX record is garbled: something was published, and it decides (DISC-4).
   */
  readonly certificates: readonly Uint8Array[]
  /** Records skipped and why, servers that failed and how, why a place was not asked. */
  readonly notes: readonly string[]
  /**
   * Seconds for which this answer may be used again, at most a day (DISC-11); 0 for `failed`. What no server said
   * (`configured`, `not-asked`) lasts the day, so that the least `ttl` of all places is that of the whole search.
   */
  readonly ttl: number
  /** Each question put, for evidence. */
  readonly questions: readonly { readonly name: string; readonly type: RecordType; readonly answer: string }[]
}

/** Where to look. What is absent here is not asked. */
export interface DiscoverySources {
  /** Configured certificates of this address or its domain, as DER. */
  readonly configured: (address: Address) => readonly { readonly origin: string; readonly der: Uint8Array }[]
  /** Null: no network is allowed. */
  readonly resolver: Resolver | null
  /** The cert server configured for a domain, if any: already a resolver that asks just that server. */
  readonly certServer: (domain: string) => { readonly server: string; readonly resolver: Resolver } | null
}
