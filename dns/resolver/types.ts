/** The record types that direct-agent asks for. */
export type RecordType = 'CERT' | 'A' | 'AAAA' | 'SRV' | 'SOA' | 'NS'

/** One record of an answer's final owner name, after CNAMEs. */
export interface AnswerRecord {
  readonly name: string
  readonly type: RecordType
  /** Seconds. */
  readonly ttl: number
  /** CERT: the RDATA as Buffer. A, AAAA, NS: text. SRV, SOA: their fields, by RFC 2782's and RFC 1035's names. */
  readonly data: unknown
}

/** What one question came to (DISC-6): absence and failure are never confused. */
export type Answer =
  | {
      readonly status: 'found'
      readonly records: readonly AnswerRecord[]
      /** Seconds from now. */
      readonly ttl: number
      readonly server: string
      /** It was known from before, and nobody was asked (DISC-11). */
      readonly kept?: true
    }
  | {
      readonly status: 'absent'
      readonly kind: 'NXDOMAIN' | 'NODATA'
      readonly ttl: number
      /** Seconds that the zone's SOA allows, before `ttl`'s bounds; absent where no SOA came. */
      readonly soaTtl?: number
      readonly server: string
      readonly kept?: true
    }
  | { readonly status: 'failed'; readonly tries: readonly FailedTry[] }

/** One server that did not answer the question, and how: for the person who has to mend it. */
export interface FailedTry {
  readonly server: string
  readonly code:
    | 'TIMEOUT'
    | 'SERVFAIL'
    | 'REFUSED'
    | 'NOTIMP'
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
  resolve(
    name: string,
    type: RecordType,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Answer>
}
