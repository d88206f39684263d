import type { HostPort, Reach } from '../../dns/index.ts'
import { createLookup, createResolver, showServer, systemServers } from '../../dns/resolver/index.ts'
import type { CheckNetwork } from '../../dns/zone/index.ts'
import { createReach } from '../neighbours/places.ts'
import type { PublishSettings } from '../settings.ts'
import type { ZoneTools } from './tools.ts'

/** Milliseconds, of one try: a name server that is silent for longer is as good as away. */
const NAME_SERVER_MS = 2000
const DNS_PORT = 53

/** Whom zone check asks: everybody anew, since what the agent's cache holds is what is to be found out. */
export async function checkNetwork({ settings, resolver: given, ldap }: ZoneTools): Promise<CheckNetwork> {
  const { dns, network, publish } = settings
  const servers = dns.servers ?? (given === undefined ? systemServers() : [])
  const asking = (some: readonly HostPort[]) => createResolver({ servers: some, timeoutMs: dns.timeoutMs })
  const resolver = given ?? asking(servers)
  const reach = createReach(createLookup(resolver, false), network.allowPrivate)
  const alone = new Map(servers.map((server) => [showServer(server), server]))
  return {
    resolver,
    resolvers: given
      ? [{ server: 'the given resolver', resolver: given }]
      : [...alone].map(([server, address]) => ({ server, resolver: asking([address]) })),
    reach,
    reachNameServer: withOwn(reach, publish),
    askNameServer: given
      ? null
      : (addresses) =>
          createResolver({
            servers: addresses.map((host) => ({ host, port: DNS_PORT })),
            timeoutMs: Math.min(dns.timeoutMs, NAME_SERVER_MS),
            recursive: false,
          }),
    ldap: await ldap(),
    directories: publish.directories,
    reachDirectory: createReach(createLookup(resolver, dns.servers === undefined && !given), true),
  }
}

/**
 * Where DNS leads to a private address by the name of a name server that our own configuration has, its addresses there are
 * asked: those are its owner's choice, and not the word of whoever answered.
 */
function withOwn(reach: Reach, { nameServers, addresses }: PublishSettings): Reach {
  return async (host, signal) => {
    const found = await reach(host, signal)
    const own = nameServers.includes(host) ? addresses.get(host) : undefined
    return found.status === 'refused' && own !== undefined ? { status: 'ok', addresses: own } : found
  }
}
