import type { HostPort } from '../dns/index.ts'
import type { CertificatePolicy, RevocationMode } from '../trust-anchors/index.ts'
import type { ContentCipher, Digest, KeyTransport, SignatureScheme } from './smime/algorithms.ts'
import type { PrivateKey } from './smime/private-key.ts'

/**
 * A configuration after it has been checked: what `config/` makes of `direct.yaml`, or of an object of the same shape.
 * Every path is absolute. A server's `password` is read from its environment variable when somebody asks for it, and
 * throws DirectError CONFIG_INVALID where that is not set.
 */
export interface Settings {
  /** Where the configuration came from, for messages: a file's path, or `the options object`. */
  readonly origin: string
  /** There is a file, and it says nothing: no byte, or comments alone. */
  readonly isEmpty?: boolean
  /** `data` beside the configuration where none is named. */
  readonly dataDir: string
  /** A PostgreSQL database; undefined: a SQLite file in `dataDir`. */
  readonly store: StoreSettings | undefined
  readonly identities: readonly IdentitySettings[]
  readonly trust: readonly TrustSettings[]
  /** Files with configured recipient certificates (PEM, several allowed, or DER). */
  readonly certificates: readonly string[]
  /** `followUrls`: the URLs of IPKIX records are fetched (DISC-3). */
  readonly dns: {
    readonly servers: readonly HostPort[] | undefined
    readonly timeoutMs: number
    readonly followUrls: boolean
  }
  /** `timeoutMs`: for one directory server, all its contexts together (DISC-8). */
  readonly ldap: { readonly timeoutMs: number }
  /** Domain (A-labels) -> hosted cert server that is asked directly (DISC-9). */
  readonly certServers: ReadonlyMap<string, CertServerSettings>
  readonly publish: PublishSettings
  readonly revocation: RevocationMode
  /** What certificates must have beyond the protocol's rules, per use. Absent uses ask nothing more. */
  readonly certificatePolicy: CertificatePolicySettings
  /** `allowPrivate`: hosts that certificates and DNS answers name may be private addresses (NET). */
  readonly network: { readonly allowPrivate: boolean }
  /** `connections`: to it at once, at most. */
  readonly smtp: (ServerSettings & { readonly connections: number }) | undefined
  readonly mailboxes: readonly MailboxSettings[]
  /** Where `run` hands trusted messages over; undefined: it does not, unless it is told to by its option. */
  readonly deliver: DeliverySettings | undefined
  readonly tlsDomains: readonly { readonly domain: string; readonly server: ServerSettings }[]
  readonly algorithms: AlgorithmSettings & {
    /** What a partner's domain (A-labels) wants instead. */
    readonly byDomain: ReadonlyMap<string, Partial<AlgorithmSettings>>
  }
  /** Partner domains (A-labels) whose SHA-1, or 3DES, is accepted (ALG). */
  readonly legacy: CertificateLegacy & { readonly tripleDesFrom: readonly string[] }
  /** How many days messages, and the audit, are kept in the store; undefined: for ever. */
  readonly retention: {
    readonly messageDays?: number | undefined
    readonly auditDays?: number | undefined
  }
  /** `listen`: where `run` answers HTTP about itself, on loopback; undefined: it does not. */
  readonly operations: { readonly listen?: HostPort | undefined }
  /**
   * `timeoutMs`: how long a recipient's system has for its answer (N-7). `failureNotice`: senders get mail about it (N-8).
   * `perCorrespondentPerHour`: MDNs that go to one address within an hour at most.
   */
  readonly notifications: {
    readonly timeoutMs: number
    readonly failureNotice: boolean
    readonly perCorrespondentPerHour: number
  }
  /** IN-5, IN-6, IN-7: what the receiver tolerates. */
  readonly receive: {
    readonly unwrapped: 'accept' | 'refuse'
    readonly envelopeRecipients: 'warn' | 'refuse'
    readonly mailFrom: 'refuse' | 'warn'
    /** Partner domains whose signer may be bound to Sender alone. */
    readonly senderOnlyFrom: readonly string[]
  }
}

/** A PostgreSQL database that several daemons may share. */
export interface StoreSettings extends HostPort {
  readonly user: string
  readonly database: string
  /** Undefined: the server asks for none. */
  readonly password: Password | undefined
  /** File of CA certificates to believe instead of the system's. */
  readonly ca: string | undefined
  /** To it at once, at most. */
  readonly connections: number
}

/** What is tolerated of old certificates, and of signatures (ALG-4, CERT-1). */
export interface CertificateLegacy {
  readonly sha1From: readonly string[]
  readonly subjectEmail: boolean
}

/** A certificate of ours, and where its private key is: in a file, or elsewhere. */
export type IdentitySettings = IdentityFiles | IdentityElsewhere

interface Own {
  /** A domain or an address, lower case. */
  readonly for: string
  /** File: PEM or DER, the leaf first, intermediates may follow. */
  readonly certificate: string
}

export interface IdentityFiles extends Own {
  /** File: PEM or DER, PKCS#8 or PKCS#1. */
  readonly privateKey: string
  /** `certificate` and `privateKey` are one file of PKCS#12. */
  readonly isPkcs12?: boolean
  readonly password: Password | undefined
}

export interface IdentityElsewhere extends Own {
  readonly privateKey: null
  readonly key: PrivateKey
}

/**
 * Asks for a password when a file has to be opened: a variable, another file or a command may hold it. Rejects with
 * DirectError CONFIG_INVALID, KEY_UNREADABLE or KEY_EXPOSED where it is not to be had.
 */
export type Password = () => Promise<string>

export interface TrustSettings {
  /** A domain, an address, or `*`. */
  readonly for: string
  readonly direction: 'both' | 'incoming' | 'outgoing'
  readonly anchors: readonly string[]
  readonly bundles: readonly BundleSettings[]
}

/** To encrypt to, to believe a signature of, to use as our own. */
export interface CertificatePolicySettings {
  readonly encrypt?: PolicySettings
  readonly verify?: PolicySettings
  readonly own?: PolicySettings
}

/** A `CertificatePolicy` before its files are read. No list is empty. */
export interface PolicySettings extends Omit<CertificatePolicy, 'issuers'> {
  /** Files with CA certificates. */
  readonly issuers?: readonly string[]
}

/** A trust bundle that is fetched (TR-4). */
export interface BundleSettings {
  /** http or https. */
  readonly url: string
  /** File: only content signed by this certificate is accepted; undefined: unsigned content is. */
  readonly signedBy: string | undefined
  readonly refreshHours: number
}

/** `secure`: ldaps. */
export interface CertServerSettings extends HostPort {
  readonly protocol: 'dns' | 'ldap'
  readonly secure: boolean
}

/** How our certificates are published (H1 to H4): by our own name server, and in a directory that we run. */
export interface PublishSettings {
  /** Where `run` answers DNS for our names; undefined: it does not. */
  readonly listen: HostPort | undefined
  /** Hosts (A-labels) of every SOA and NS record; empty: `ns.<domain>` stands in. The first is the primary. */
  readonly nameServers: readonly string[]
  /** Hosts (A-labels) of the MX records of every domain, the first preferred. */
  readonly mailServers: readonly string[]
  /** Directories that hold our certificates: the targets of `_ldap._tcp`, the first preferred. */
  readonly directories: readonly HostPort[]
  /** IP addresses of hosts above, for the A and AAAA records of those that lie in a zone of ours. */
  readonly addresses: ReadonlyMap<string, readonly string[]>
  /** Seconds: of CERT and SRV records. */
  readonly ttl: number
}

/** An SMTP or IMAP server. `secure`: TLS from the start; otherwise STARTTLS, insisted on but on loopback. */
export interface ServerSettings extends HostPort {
  readonly secure: boolean
  readonly user: string | undefined
  readonly password: string | undefined
  /** In the place of a password: the program that is asked for an access token. */
  readonly token: Password | undefined
  /** File of CA certificates to believe instead of the system's. */
  readonly ca: string | undefined
}

export interface MailboxSettings {
  /** What the store, the log and the metrics call it: `user@host:port/folder`, or a name of the operator's. */
  readonly name: string
  readonly server: ServerSettings
  /** The folder polled, e.g. `INBOX`. */
  readonly folder: string
  /** Where refused mail is moved (IN-1, IN-9). */
  readonly asideFolder: string
  /** Addresses and domains that this mailbox receives for; null: all that are ours. */
  readonly addresses: readonly string[] | null
  /** The rest between two passes. */
  readonly pollSeconds: number
}

/** A folder of the EHR's, or a URL of its. */
export type DeliverySettings = { readonly folder: string } | { readonly webhook: WebhookSettings }

export interface WebhookSettings {
  /** https, or http to loopback; no user, no password. */
  readonly url: string
  /** What requests are signed with. */
  readonly secret: Password
  /** File of CA certificates to believe instead of the system's. */
  readonly ca: string | undefined
  /** How long the EHR may be silent. */
  readonly timeoutMs: number
  /** How long a message or an event is tried. */
  readonly giveUpMs: number
  /** Whether it is told of tracking events too. */
  readonly events: boolean
}

/** protocol.md ALG: what we sign and encrypt with. */
export interface AlgorithmSettings {
  readonly keyTransport: KeyTransport
  readonly content: ContentCipher
  readonly digest: Digest
  /** Of RSA keys; EC keys have ECDSA. */
  readonly signature: Exclude<SignatureScheme, 'ecdsa'>
}
