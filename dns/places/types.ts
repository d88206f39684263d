import type { Address } from '../../agent/address.ts'
import type { LdapClient, LdapServer } from '../ldap/types.ts'
import type { Answer, Resolver } from '../resolver/types.ts'
import type { Question, Reach } from '../types.ts'

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

/**
 * A URL of an IPKIX record that gave no certificate: not now (`failed`), never (`refused`, NET), or something else, which
 * is garbled as a PKIX record may be (DISC-4).
 */
export interface UnreadUrl {
  readonly url: string
  readonly status: 'failed' | 'refused' | 'garbled'
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
  /**
   * Calls `expire` after `ms` milliseconds, unless what it returns is called before; `about` names the search that waits so
   * long. Default: the system's timers.
   */
  readonly patience?: (ms: number, about: string, expire: () => void) => () => void
}

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

/** What the URL of an IPKIX record gave: DER of each certificate there. Rejects only when the signal fires. */
export type FollowUrl = (
  url: string,
  signal?: AbortSignal,
) => Promise<{ readonly status: 'ok'; readonly certificates: readonly Uint8Array[] } | Omit<UnreadUrl, 'url'>>

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

/** `questions`: those put to find out, but for that to the host itself; they are about the domain, whoever asked first. */
export type FoundCertdns = Standing & { readonly questions: readonly Question[] }

type Standing =
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

/** The first question to a host, which may have been another address's, and that nobody answered it. */
export interface Silence {
  readonly owner: string
  readonly answer: Extract<Answer, { status: 'failed' }>
}
