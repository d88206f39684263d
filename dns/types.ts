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
  /**
   * Of `failed`, where waiting changes nothing. `servers`: every one answered, and would not answer this (RCODE 5).
   * `guard`: NET forbids to contact any of them (`URL_REFUSED`); such a place is final, and still no absence.
   */
  readonly refusedBy?: 'servers' | 'guard'
  /**
   * DER, in the order published: parsable CERT records of type PKIX, what the URLs of IPKIX records gave, values of LDAP
   * attributes (`userSMIMECertificate` may be certs-only CMS). Empty unless `found`; empty although `found` when all of
   * it is garbled: something was published, and it decides (DISC-4).
   */
  readonly certificates: readonly Uint8Array[]
  /** URLs of IPKIX records that gave nothing, while they are followed: each was published, and counts (DISC-3, NET). */
  readonly unread: readonly UnreadUrl[]
  /** Records skipped and why, servers that failed and how, why a place was not asked. */
  readonly notes: readonly string[]
  /**
   * Seconds for which this answer may be used again, at most a day (DISC-11); 0 for `failed`. What no server said
   * (`configured`, `not-asked`) lasts the day, so that the least `ttl` of all places is that of the whole search.
   */
  readonly ttl: number
  /** Each question put, for evidence. */
  readonly questions: readonly Question[]
}

/** One question as it was put, for evidence. */
export interface Question {
  /** The DNS name, the LDAP URL (RFC 4516: server, base and filter), or the URL that was fetched. */
  readonly name: string
  readonly type: RecordType | 'LDAP' | 'URL'
  /** For a person: what came, from which server, or what went wrong. */
  readonly answer: string
}

/** A URL of an IPKIX record that gave no certificate: not now (`failed`), or never (`refused`, NET). */
export interface UnreadUrl {
  readonly url: string
  readonly status: 'failed' | 'refused'
  readonly text: string
}

/** Where to look. */
export interface DiscoverySources {
  /** Configured certificates of this address or its domain, as DER. */
  readonly configured: (address: Address) => readonly { readonly origin: string; readonly der: Uint8Array }[]
  /** Null: no network is allowed, and what needs it is `not-asked`. */
  readonly network: DiscoveryNetwork | null
}

/** Every way by which discovery asks somebody. */
export interface DiscoveryNetwork {
  readonly resolver: Resolver
  readonly ldap: LdapClient
  /** NET: the addresses of a host that a DNS answer named (SRV targets, `certdns`). */
  readonly reach: Reach
  /** Fetches the URL of an IPKIX record; null: they are not followed (DISC-3). */
  readonly followUrl: FollowUrl | null
  /** The cert server that the configuration names for a domain, if any (DISC-9). Its host is the owner's choice. */
  readonly certServer: (domain: string) => CertServer | null
  /** A resolver that asks one host alone, for `certdns.<domain>`: port 53 of the addresses that `reach` gave. */
  readonly askHost: (server: { readonly name: string; readonly addresses: readonly string[] }) => Resolver
  /** What stands behind `certdns.<domain>`: one for all addresses that are asked about (DISC-9). */
  readonly certdns: CertdnsHosts
  /** At least 0, below 1: the weighted draw among SRV targets (RFC 2782). */
  readonly random: () => number
}

/** Finds out what stands behind `certdns.<domain>` (DISC-9), once for all who ask at the same time. */
export interface CertdnsHosts {
  /** `owner`: the name that it is asked for first. Rejects only when the signal fires. */
  find(
    domain: string,
    owner: string,
    network: DiscoveryNetwork,
    signal: AbortSignal | undefined,
  ): Promise<FoundCertdns>
}

/** The first question to a host, which may have been another address's, and that nobody answered it. */
export interface Silence {
  readonly owner: string
  readonly answer: Extract<Answer, { status: 'failed' }>
}

export type FoundCertdns =
  /** Such a name has no address. */
  | { readonly status: 'absent' }
  /** Its address is not known. `refused`: NET forbids to contact it. */
  | { readonly status: 'failed' | 'refused'; readonly note: string }
  /** No cert server: the domain has a wildcard. `ttl`: seconds for which that holds; `first` null: nobody was asked. */
  | {
      readonly status: 'wildcard'
      readonly note: string
      readonly ttl: number
      readonly first: Silence | null
    }
  | { readonly status: 'silent'; readonly first: Silence }
  /** A cert server; `resolver` asks it. */
  | { readonly status: 'answers'; readonly resolver: Resolver }

/** A hosted cert server of the configuration. `server` is what evidence calls it. */
export type CertServer =
  | { readonly kind: 'dns'; readonly server: string; readonly resolver: Resolver }
  | {
      readonly kind: 'ldap'
      readonly server: string
      readonly ldap: Omit<LdapServer, 'addresses'>
      /** The addresses of its host: as its owner chose it, NET does not guard it. */
      readonly reach: Reach
    }

/** Which addresses of a host may be dialled. `refused`: NET, final. `absent`: the name has none. `failed`: not known now. */
export type Reach = (host: string, signal?: AbortSignal) => Promise<Reached>
export type Reached =
  | { readonly status: 'ok'; readonly addresses: readonly string[] }
  | { readonly status: 'refused' | 'absent' | 'failed'; readonly text: string }

/** What the URL of an IPKIX record gave: DER of each certificate there. Rejects only when the signal fires. */
export type FollowUrl = (
  url: string,
  signal?: AbortSignal,
) => Promise<{ readonly status: 'ok'; readonly certificates: readonly Uint8Array[] } | Omit<UnreadUrl, 'url'>>

/** One directory server that may be asked. */
export interface LdapServer {
  /** As an SRV record or the configuration names it: for evidence, and for TLS's SNI. */
  readonly host: string
  readonly port: number
  /** TLS from the start (LDAPS); otherwise StartTLS where the server offers it. */
  readonly secure: boolean
  /** IP addresses to dial, in this order; never resolved again (NET). */
  readonly addresses: readonly string[]
}

/**
 * The LDAP seam (DISC-8): one question to one server, whatever it takes there (rootDSE, each naming context). Rejects
 * with DirectError `ABORTED` when the signal fires; every other outcome is an `LdapAnswer`.
 */
export interface LdapClient {
  /** Everything that entries with this `mail` (an address or a domain) publish; `domain` is the base where no context is named. */
  search(server: LdapServer, question: LdapQuestion, options?: LdapSearchOptions): Promise<LdapAnswer>
}

export interface LdapQuestion {
  readonly mail: string
  readonly domain: string
}

export interface LdapSearchOptions {
  readonly signal?: AbortSignal | undefined
  /** Seconds for which an answer may be kept and given again (DISC-11). Default 0. */
  readonly ttl?: number
}

/** `empty`: reachable, and it has nothing (DISC-7). */
export type LdapAnswer =
  | {
      readonly status: 'found' | 'empty'
      /** Values of the three attributes, each once, in the order they came. */
      readonly certificates: readonly Uint8Array[]
      readonly notes: readonly string[]
      readonly questions: readonly Question[]
      /** Seconds that are left of its time: it was known from before, and nobody was asked (DISC-11). */
      readonly kept?: number
    }
  | { readonly status: 'failed'; readonly text: string; readonly questions: readonly Question[] }
