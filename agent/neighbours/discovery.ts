import type {
  DiscoveryNetwork,
  DiscoverySources,
  FollowUrl,
  HostLookup,
  LdapClient,
  Resolver,
} from '../../dns/index.ts'
import type { Certificate } from '../../trust-anchors/index.ts'
import type { GuardedFetch } from '../fetch.ts'
import type { Circumstances } from './circumstances.ts'
import { lazily } from './lazily.ts'

/** Everyone who is asked where certificates are found: name servers, directories, and the hosts of URLs. */
export class DiscoveryNeighbours {
  readonly #circumstances: Circumstances

  constructor(circumstances: Circumstances) {
    this.#circumstances = circumstances
  }

  /** Null: the network is forbidden. */
  async resolver(): Promise<Resolver | null> {
    return this.#circumstances.offline ? null : this.#resolver()
  }

  readonly #resolver = lazily(async () => {
    const { parts, settings } = this.#circumstances
    // One that was handed in keeps for itself what it wants to keep.
    if (parts.resolver) return parts.resolver
    const { createResolver } = await import('../../dns/resolver/index.ts')
    return (await this.#answers()).around('dns.servers', createResolver(settings.dns))
  })

  /** The resolver that was handed in, if one was. */
  get givenResolver(): Resolver | undefined {
    return this.#circumstances.parts.resolver
  }

  /** What name servers said, the cert servers too (DISC-11). */
  readonly #answers = lazily(async () => {
    const { createAnswerCache } = await import('../../dns/resolver/index.ts')
    return createAnswerCache({ clock: this.#circumstances.now })
  })

  /** For hosts that the configuration or a URL names. */
  async lookup(): Promise<HostLookup> {
    const { parts, settings } = this.#circumstances
    const { createLookup } = await import('../../dns/resolver/index.ts')
    return createLookup(await this.resolver(), settings.dns.servers === undefined && !parts.resolver)
  }

  /** Null: the network is forbidden. */
  async fetch(): Promise<GuardedFetch | null> {
    return this.#circumstances.offline ? null : this.#fetch()
  }

  readonly #fetch = lazily(async () => {
    const { parts, settings } = this.#circumstances
    if (parts.fetch) return parts.fetch
    const { createFetch } = await import('../fetch.ts')
    return createFetch({ lookup: await this.lookup(), allowPrivate: settings.network.allowPrivate })
  })

  readonly ldap = lazily(async (): Promise<LdapClient & Partial<Disposable>> => {
    const { parts, settings } = this.#circumstances
    if (parts.ldap) return parts.ldap
    const { createLdapClient } = await import('../../dns/ldap/index.ts')
    return createLdapClient(settings.ldap)
  })

  /** The places of DISC-1, as far as they may be asked. */
  async sources(
    configured: readonly { readonly origin: string; readonly certificate: Certificate }[],
  ): Promise<DiscoverySources> {
    const { offline, settings } = this.#circumstances
    const { configuredFor } = await import('./configured-for.ts')
    return {
      configured: (address) => configuredFor(address, configured, settings.legacy),
      network: offline ? null : await this.#network(),
    }
  }

  readonly #network = lazily(async (): Promise<DiscoveryNetwork> => {
    const { settings, random } = this.#circumstances
    const { createAskHost, createCertServers, createDnsReach } = await import('./places.ts')
    const { createCertdnsHosts } = await import('../../dns/resolver/index.ts')
    const [resolver, answers] = [await this.#resolver(), await this.#answers()]
    return {
      resolver,
      // For few domains is a directory asked.
      ldap: { search: async (...question) => (await this.ldap()).search(...question) },
      reach: createDnsReach(resolver, settings.network.allowPrivate),
      followUrl: await this.#followUrl(),
      certServer: createCertServers(settings, await this.lookup(), answers),
      askHost: createAskHost(settings, answers),
      certdns: createCertdnsHosts(),
      random,
    }
  })

  /** Null: they are not followed. */
  async #followUrl(): Promise<FollowUrl | null> {
    if (!this.#circumstances.settings.dns.followUrls) return null
    const { createFollowUrl } = await import('../fetch/follow-url.ts')
    return createFollowUrl(await this.#fetch())
  }

  /** Closes the connections that are open. */
  async close(): Promise<void> {
    // A client that was handed in belongs to whoever made it.
    if (!this.#circumstances.parts.ldap) (await this.ldap.made)?.[Symbol.dispose]?.()
  }
}
