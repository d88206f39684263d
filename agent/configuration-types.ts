import type { RevocationMode } from '../trust-anchors/index.ts'
import type { ContentCipher, Digest, KeyTransport } from './smime/algorithms.ts'
import type { PrivateKey } from './smime/private-key.ts'

/**
 * The keys of `direct.yaml`, as an object for `createAgent`; docs/configuration.md says what each means, its default and its
 * bounds, which are checked when the agent is made. Paths start from the working folder.
 */
export interface Configuration {
  readonly dataDir?: string
  /** A PostgreSQL database in the place of a file in `dataDir`. */
  readonly store?: StoreConfiguration
  readonly identities?: readonly IdentityConfiguration[]
  readonly trust?: readonly TrustConfiguration[]
  readonly certificates?: readonly string[]
  readonly dns?: {
    readonly servers?: readonly string[]
    readonly timeoutMs?: number
    readonly followUrls?: boolean
  }
  readonly ldap?: { readonly timeoutMs?: number }
  /** By domain: `dns://`, `ldap://` or `ldaps://` and a host. */
  readonly certServers?: Readonly<Record<string, string>>
  readonly publish?: {
    readonly listen?: string
    readonly nameServers?: readonly string[]
    readonly mailServers?: readonly string[]
    readonly directories?: readonly string[]
    readonly addresses?: Readonly<Record<string, readonly string[]>>
    readonly ttl?: number
  }
  readonly revocation?: RevocationMode
  readonly certificatePolicy?: {
    readonly encrypt?: PolicyConfiguration
    readonly verify?: PolicyConfiguration
    readonly own?: PolicyConfiguration
  }
  readonly network?: { readonly allowPrivate?: boolean }
  readonly smtp?: MailServerConfiguration & { readonly url: string; readonly connections?: number }
  readonly mailboxes?: readonly MailboxConfiguration[]
  /** One of the two. */
  readonly deliver?: { readonly folder?: string; readonly webhook?: WebhookConfiguration }
  readonly tlsDomains?: readonly { readonly domain: string; readonly server: string; readonly ca?: string }[]
  readonly algorithms?: AlgorithmConfiguration & {
    readonly byDomain?: Readonly<Record<string, AlgorithmConfiguration>>
  }
  readonly legacy?: {
    readonly sha1From?: readonly string[]
    readonly tripleDesFrom?: readonly string[]
    readonly subjectEmail?: boolean
  }
  readonly retention?: { readonly messageDays?: number; readonly auditDays?: number }
  readonly operations?: { readonly listen?: string }
  readonly notifications?: {
    readonly timeoutMinutes?: number
    readonly failureNotice?: boolean
    readonly perCorrespondentPerHour?: number
  }
  readonly receive?: {
    readonly unwrapped?: 'accept' | 'refuse'
    readonly envelopeRecipients?: 'warn' | 'refuse'
    readonly mailFrom?: 'refuse' | 'warn'
    readonly senderOnlyFrom?: readonly string[]
  }
}

/** Where a password is, in one place at most. */
interface PasswordPlace {
  readonly passwordEnv?: string
  readonly passwordFile?: string
  /** A program and its words. */
  readonly passwordCommand?: readonly string[]
}

export interface StoreConfiguration extends PasswordPlace {
  readonly url: string
  readonly ca?: string
  readonly connections?: number
}

/** A certificate and a private key, or a PKCS#12 file with both, or a certificate and a key that lives elsewhere. */
export interface IdentityConfiguration extends PasswordPlace {
  readonly for: string
  readonly certificate?: string
  readonly privateKey?: string
  readonly pkcs12?: string
  readonly key?: PrivateKey
}

export interface TrustConfiguration {
  readonly for: string
  readonly direction?: 'both' | 'incoming' | 'outgoing'
  readonly anchors?: readonly string[]
  readonly bundles?: readonly {
    readonly url: string
    readonly signedBy?: string
    readonly refreshHours?: number
  }[]
}

export interface PolicyConfiguration {
  readonly keyUsage?: readonly (
    | 'digitalSignature'
    | 'nonRepudiation'
    | 'keyEncipherment'
    | 'dataEncipherment'
    | 'keyAgreement'
  )[]
  readonly policies?: readonly string[]
  readonly minRsaBits?: number
  readonly issuers?: readonly string[]
}

/** How a mail server is logged in at, and proved. */
interface MailServerConfiguration {
  readonly passwordEnv?: string
  /** In the place of a password: a program that writes an access token, and its words. */
  readonly tokenCommand?: readonly string[]
  readonly ca?: string
}

export interface MailboxConfiguration extends MailServerConfiguration {
  readonly name?: string
  readonly imap: string
  readonly addresses?: readonly string[]
  readonly asideFolder?: string
  readonly pollSeconds?: number
}

/** With one of the three places of its secret. */
export interface WebhookConfiguration {
  readonly url: string
  readonly secretEnv?: string
  readonly secretFile?: string
  readonly secretCommand?: readonly string[]
  readonly ca?: string
  readonly timeoutMs?: number
  readonly giveUpHours?: number
  readonly events?: boolean
}

export interface AlgorithmConfiguration {
  readonly keyTransport?: KeyTransport
  readonly content?: ContentCipher
  readonly digest?: Digest
  readonly signature?: 'rsa-pkcs1' | 'rsa-pss'
}
