import type { Answer, FollowUrl, LdapAnswer, LdapServer, Reached, RecordType } from '../../dns/index.ts'
import type { TlsProof } from '../../mailbox/index.ts'
import type { StoredFetch } from '../../store/index.ts'
import type { KeyUsage, RevocationMode } from '../../trust-anchors/index.ts'
import type { Fetched } from '../fetch.ts'

/**
 * One question about addresses, and everything that its answer came from: what every server said, and what configuration
 * and trust decided. `replay` answers it again from this alone. It is plain JSON: the file of `--record` is this object.
 *
 * Public facts only: certificates, never a key, a password or a login, and of the user's files their names without the
 * folders. DER and all other bytes are base64, times are RFC 3339 in UTC.
 */
export interface Trace {
  readonly format: 'direct-agent trace'
  readonly version: 1
  /** The version of direct-agent that recorded it. */
  readonly agent: string
  readonly question: TraceQuestion
  readonly clock: {
    /** What the clock on the wall said when the question came. */
    readonly started: string
    /** The time that certificates were judged by; null: the clock on the wall. */
    readonly at: string | null
  }
  /** Drawn once for the whole question, so that who replays it asks what was asked. */
  readonly random: {
    /** Of every OCSP request (RFC 9654). */
    readonly nonce: string
    /** At least 0, below 1: of every draw among SRV targets (RFC 2782). */
    readonly draw: number
  }
  readonly decided: Decided
  /** In the order in which the answers came. */
  readonly exchanges: readonly Exchange[]
}

export interface TraceQuestion {
  readonly command: 'classify' | 'discover'
  /** As they were given. */
  readonly addresses: readonly string[]
  readonly from: string | null
}

/** What configuration and trust had to say about this question, and no more of them. */
export interface Decided {
  /** False: no network was allowed, and nobody was asked. */
  readonly network: boolean
  /** `network.allowPrivate`, under which the guard judged (NET). For the reader: its verdicts are among the exchanges. */
  readonly allowPrivate: boolean
  /**
   * The sender's outgoing anchors in force, and bundles that belong there and were never had, a sentence each (DISC-10),
   * their URLs without a query.
   */
  readonly anchors: readonly string[]
  readonly missing: readonly string[]
  /** Of these addresses (TR-5). `actor`: the id of who pinned it. */
  readonly pins: readonly {
    readonly address: string
    readonly certificate: string
    readonly actor: string
    readonly until: string
  }[]
  /** Configured certificates of these addresses; `origin`: the name of the file that holds it. */
  readonly configured: readonly {
    readonly address: string
    readonly origin: string
    readonly certificate: string
  }[]
  /** Certificates in hand that may complete a path. */
  readonly intermediates: readonly string[]
  /** The `for` of the only identity, by which a question without `from` finds its anchors. */
  readonly onlyIdentity: string | null
  readonly revocation: RevocationMode
  /** `certificatePolicy.encrypt`. */
  readonly policy: {
    readonly keyUsage?: readonly KeyUsage[]
    readonly policies?: readonly string[]
    readonly minRsaBits?: number
    readonly issuers?: readonly string[]
  } | null
  readonly legacy: {
    /** Of these addresses' domains. */
    readonly sha1From: readonly string[]
    readonly subjectEmail: boolean
  }
  /** `dns.followUrls`. */
  readonly followUrls: boolean
  /** Of these addresses' domains (DISC-9). `server`: what evidence calls it. */
  readonly certServers: readonly ({ readonly domain: string; readonly server: string } & (
    | { readonly kind: 'dns' }
    | { readonly kind: 'ldap'; readonly ldap: Omit<LdapServer, 'addresses'> }
  ))[]
  /** Of these addresses' domains. */
  readonly tlsDomains: readonly { readonly domain: string; readonly host: string; readonly port: number }[]
}

/**
 * Everybody who may be asked, what they are asked, and what they may answer. `via`: which resolver, where there are several:
 * that of the configuration is empty.
 */
export interface Seams {
  readonly dns: { question: { via: string; name: string; type: RecordType }; answer: Answer }
  /** One directory (DISC-8). */
  readonly ldap: { question: LdapServer & { mail: string; domain: string }; answer: LdapAnswer }
  /** Which addresses of a host may be dialled, by the guard and by DNS or the system (NET). */
  readonly reach: { question: { via: string; host: string }; answer: Reached }
  /** The URL of an IPKIX record (DISC-3). */
  readonly ipkix: { question: { url: string }; answer: Awaited<ReturnType<FollowUrl>> }
  /** The URL of a certificate: AIA, CRL, OCSP. `post`: the request's body as base64, null: a GET. `limit` in bytes. */
  readonly fetch: { question: { url: string; limit: number; post: string | null }; answer: Fetched }
  /** What was kept from an earlier fetch, if anything. */
  readonly kept: { question: { key: string }; answer: StoredFetch | null }
  /** That what was fetched has been put where it is kept. */
  readonly keep: { question: { key: string }; answer: null }
  readonly tls: { question: { host: string; port: number }; answer: TlsProof }
  /** That the time was over which one judgement waits, or the search of one address. */
  readonly patience: { question: { about: string }; answer: null }
}

export type Seam = keyof Seams

/** One question to one of these. */
export type Exchange = {
  [S in Seam]: {
    readonly seam: S
    /** Counts the questions in the order they were put. */
    readonly number: number
    readonly question: Readonly<Seams[S]['question']>
    /** When the answer came. */
    readonly time: string
    /** Absent: nobody waited for it any longer. */
    readonly answer?: Json<Seams[S]['answer']>
  }
}[Seam]

/** How a value stands in JSON: bytes as base64, times as RFC 3339. */
export type Json<T> = T extends Uint8Array | Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Json<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Json<T[Key]> }
      : T
