import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  AnswerCache,
  DiscoveryNetwork,
  DiscoverySources,
  FollowUrl,
  LdapClient,
  Resolver,
} from '../dns/index.ts'
import type { ImapClient, MailServer, SmtpClient } from '../mailbox/index.ts'
import type { Store } from '../store/index.ts'
import type { Certificate, RevocationMode } from '../trust-anchors/index.ts'
import { DirectError } from './errors.ts'
import type { FetchedUrl } from './explain/types.ts'
import type { GuardedFetch } from './fetch.ts'
import type { Mailbox } from './inbox.ts'
import { type Log, silent } from './log.ts'
import type { AgentOptions, Parts } from './options.ts'
import type { ServerSettings, Settings } from './settings.ts'
import type { Spool } from './smime/source.ts'
import type { Recording } from './trace/trace.ts'
import type { CurrentTrust } from './trust/current.ts'
import type { FetchCache, Judge } from './trust/judge.ts'

/** How long a pass waits for another process that is at the same mailbox. */
const RECEIVING_MS = 30_000

/**
 * The neighbours, each made at first use: a command that only reads the store loads no DNS and no mail.
 * What is made here is closed by `close`.
 */
export class Neighbours {
  readonly settings: Settings
  readonly now: () => Date
  readonly random: () => number
  readonly at: () => Date
  readonly log: Log
  readonly offline: boolean
  readonly record: Recording | undefined
  readonly #parts: Parts
  readonly #made = new Map<string, Promise<unknown>>()

  constructor(settings: Settings, options: AgentOptions) {
    const { at, now = () => new Date(), random = Math.random, log = silent, network = true, record } = options
    this.settings = settings
    this.now = now
    this.random = random
    this.at = at ? () => at : now
    this.log = log
    this.offline = !network
    this.record = record
    this.#parts = options
  }

  /** Makes a thing once, and again only if making it failed. */
  once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const known = this.#made.get(name) as Promise<T> | undefined
    if (known) return known
    const made = make()
    this.#made.set(name, made)
    made.catch(() => this.#made.delete(name))
    return made
  }

  store(): Promise<Store> {
    return this.once('store', async () => {
      if (this.#parts.store) return this.#parts.store
      const { openStore } = await import('../store/index.ts')
      return openStore({ file: this.#storeFile, now: this.now })
    })
  }

  /** The store if there is one: asking what became of messages makes none. */
  async existingStore(): Promise<Store | null> {
    const made = this.#parts.store !== undefined || this.#made.has('store') || existsSync(this.#storeFile)
    return made ? this.store() : null
  }

  /**
   * One pass over a mailbox at a time: two would open the same mail side by side, and each attempt would count against
   * it. A store that was handed in is one process's own.
   */
  async receivingAlone(mailbox: string, signal?: AbortSignal): Promise<Disposable> {
    if (this.#parts.store) return { [Symbol.dispose]() {} }
    await this.store()
    const { exclusively } = await import('../store/index.ts')
    const name = createHash('sha256').update(mailbox).digest('hex').slice(0, 16)
    return exclusively(join(this.settings.dataDir, `receiving-${name}.lock`), {
      what: `receives from ${mailbox}`,
      patienceMs: RECEIVING_MS,
      signal,
    })
  }

  get #storeFile(): string {
    return join(this.settings.dataDir, 'direct.db')
  }

  spool(): Promise<Spool> {
    return this.once('spool', async () => (await import('./spool.ts')).createSpool(null))
  }

  /** Null: the network is forbidden. */
  async resolver(): Promise<Resolver | null> {
    if (this.offline) return null
    return this.once('resolver', async () => {
      // One that was handed in keeps for itself what it wants to keep.
      if (this.#parts.resolver) return this.#parts.resolver
      const { createResolver } = await import('../dns/index.ts')
      return (await this.#answers()).around('dns.servers', createResolver(this.settings.dns))
    })
  }

  /** The resolver that was handed in, if one was. */
  get givenResolver(): Resolver | undefined {
    return this.#parts.resolver
  }

  /** What name servers said, the cert servers too (DISC-11). */
  #answers(): Promise<AnswerCache> {
    return this.once('answers', async () => {
      const { createAnswerCache } = await import('../dns/index.ts')
      return createAnswerCache({ clock: this.now })
    })
  }

  async lookup() {
    const { createLookup } = await import('../dns/index.ts')
    return createLookup(
      await this.resolver(),
      this.settings.dns.servers === undefined && !this.#parts.resolver,
    )
  }

  /** Null: the network is forbidden. */
  async fetch(): Promise<GuardedFetch | null> {
    if (this.offline) return null
    return this.once('fetch', async () => {
      if (this.#parts.fetch) return this.#parts.fetch
      const { createFetch } = await import('./fetch.ts')
      return createFetch({
        lookup: await this.lookup(),
        allowPrivate: this.settings.network.allowPrivate,
      })
    })
  }

  /** `memory`: what it fetches is kept for this process alone, else in the store where there is one. */
  judge(kept: 'store' | 'memory' = 'store', mode: RevocationMode = this.settings.revocation): Promise<Judge> {
    return this.once(`judge ${kept} ${mode}`, async () => this.#newJudge(kept, mode, await this.fetch()))
  }

  /** A judge that tells of each URL that it fetches. */
  async watchedJudge(watch: (fetched: FetchedUrl) => void): Promise<Judge> {
    const { watching } = await import('./explain/record.ts')
    const fetch = await this.fetch()
    return this.#newJudge('existing', this.settings.revocation, fetch && watching(fetch, watch))
  }

  async #newJudge(
    kept: 'store' | 'existing' | 'memory',
    mode: RevocationMode,
    fetch: GuardedFetch | null,
  ): Promise<Judge> {
    const { createJudge } = await import('./trust/judge.ts')
    const cache = await this.fetchCache(kept)
    return createJudge({ mode, fetch, cache, now: this.now, random: randomBytes })
  }

  /** Where is kept what URLs of certificates gave: `existing`, in the store where there is one. */
  async fetchCache(kept: 'store' | 'existing' | 'memory' = 'store'): Promise<FetchCache> {
    const { memoryCache } = await import('./trust/judge.ts')
    const memory = memoryCache()
    const known = async () => (kept === 'memory' ? memory : ((await this.existingStore())?.fetches ?? memory))
    // What was fetched is worth a store of its own: a CRL speaks for days, and its host may be away tomorrow (CERT-7).
    const keeping = async () => (kept === 'store' ? (await this.store()).fetches : known())
    return {
      get: async (key, now) => (await known()).get(key, now),
      put: async (fetched, now) => (await keeping()).put(fetched, now),
    }
  }

  smtp(): Promise<SmtpClient> {
    return this.once('smtp', async () => {
      this.#requireNetwork('SMTP')
      if (this.#parts.smtp) return this.#parts.smtp
      const { createSmtpClient } = await import('../mailbox/index.ts')
      return createSmtpClient({ lookup: await this.lookup() })
    })
  }

  imap(): Promise<ImapClient> {
    return this.once('imap', async () => {
      this.#requireNetwork('IMAP')
      if (this.#parts.imap) return this.#parts.imap
      const { createImapClient } = await import('../mailbox/index.ts')
      return createImapClient({ lookup: await this.lookup() })
    })
  }

  relay(): Promise<MailServer | undefined> {
    return this.once('relay', async () => this.settings.smtp && toMailServer(this.settings.smtp))
  }

  tlsServers(): Promise<ReadonlyMap<string, MailServer>> {
    return this.once('tlsServers', async () => {
      const servers = this.settings.tlsDomains.map(
        async ({ domain, server }) => [domain, await toMailServer(server)] as const,
      )
      return new Map(await Promise.all(servers))
    })
  }

  mailboxes(): Promise<readonly Mailbox[]> {
    return this.once('mailboxes', async () => {
      const { mailboxes } = this.settings
      if (mailboxes.length === 0)
        throw new DirectError('CONFIG_INVALID', 'no mailbox is configured', {
          hint: 'Add an entry to mailboxes with the imap URL and the addresses that it receives for.',
        })
      return Promise.all(
        mailboxes.map(async (settings) => {
          const { user, host, port } = settings.server
          return {
            name: `${user ?? ''}@${host}:${port}/${settings.folder}`,
            settings,
            server: await toMailServer(settings.server),
          }
        }),
      )
    })
  }

  /** The places of DISC-1, as far as they may be asked. */
  async sources(
    configured: readonly { readonly origin: string; readonly certificate: Certificate }[],
  ): Promise<DiscoverySources> {
    const { configuredFor } = await import('./places.ts')
    return {
      configured: (address) => configuredFor(address, configured, this.settings.legacy),
      network: await this.#discoveryNetwork(),
    }
  }

  async #discoveryNetwork(): Promise<DiscoveryNetwork | null> {
    const resolver = await this.resolver()
    if (resolver === null) return null
    return this.once('discovery', async () => {
      const { createAskHost, createCertServers, createReach } = await import('./places.ts')
      const { createCertdnsHosts, createLookup } = await import('../dns/index.ts')
      const { network } = this.settings
      const answers = await this.#answers()
      return {
        resolver,
        ldap: await this.ldap(),
        // A host that DNS names is looked up in DNS: the system would go through its search domains and hosts file.
        reach: createReach(createLookup(resolver, false), network.allowPrivate),
        followUrl: await this.#followUrl(),
        certServer: createCertServers(this.settings, await this.lookup(), answers),
        askHost: createAskHost(this.settings, answers),
        certdns: createCertdnsHosts(),
        random: this.random,
      }
    })
  }

  /** Null: they are not followed. */
  async #followUrl(): Promise<FollowUrl | null> {
    const fetch = this.settings.dns.followUrls ? await this.fetch() : null
    if (fetch === null) return null
    const { createFollowUrl } = await import('./follow-url.ts')
    return createFollowUrl(fetch)
  }

  ldap(): Promise<LdapClient & Partial<Disposable>> {
    return this.once('ldap', async () => {
      if (this.#parts.ldap) return this.#parts.ldap
      const { createLdapClient } = await import('../dns/index.ts')
      return createLdapClient(this.settings.ldap)
    })
  }

  /** Whom we believe, as of each question. */
  trust(): Promise<CurrentTrust> {
    return this.once('trust', async () => {
      const { CurrentTrust } = await import('./trust/current.ts')
      const { settings, now, at, log } = this
      return new CurrentTrust({
        settings,
        existingStore: () => this.existingStore(),
        store: () => this.store(),
        fetch: () => this.fetch(),
        spool: () => this.spool(),
        now,
        at,
        log,
      })
    })
  }

  async close(): Promise<void> {
    const ldap = this.#made.get('ldap') as ReturnType<Neighbours['ldap']> | undefined
    // A client that was handed in belongs to whoever made it.
    if (ldap && !this.#parts.ldap) (await ldap)[Symbol.dispose]?.()
    const trust = this.#made.get('trust') as Promise<CurrentTrust> | undefined
    if (trust) await (await trust)[Symbol.asyncDispose]()
    const store = this.#made.get('store') as Promise<Store> | undefined
    // A store that was handed in belongs to whoever made it.
    if (store && !this.#parts.store) await (await store)[Symbol.asyncDispose]()
  }

  #requireNetwork(what: string): void {
    if (this.offline)
      throw new DirectError('NETWORK_FORBIDDEN', `${what} was not contacted: the network is forbidden`, {
        hint: 'Leave out --no-network.',
      })
  }
}

async function toMailServer({ ca, ...server }: ServerSettings): Promise<MailServer> {
  if (ca === undefined) return server
  try {
    return { ...server, ca: await readFile(ca, 'latin1') }
  } catch (cause) {
    throw new DirectError('FILE_UNREADABLE', `the CA file ${ca} cannot be read`, {
      hint: 'It holds the CAs to believe when TLS is proved, as PEM.',
      cause,
    })
  }
}
