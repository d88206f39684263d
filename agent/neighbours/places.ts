import type {
  AnswerCache,
  CertServer,
  DiscoveryNetwork,
  HostLookup,
  Question,
  Reach,
  Resolver,
} from '../../dns/index.ts'
import { createLookup, createResolver, noted } from '../../dns/resolver/index.ts'
import { BoundedMap } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { reachable } from '../fetch/target.ts'
import type { Settings } from '../settings.ts'

/** Resolvers of hosts that are asked directly: made once, so that a question under way is put once. */
const MOST_HOSTS = 500

/** The hosted cert server that the configuration names for a domain (DISC-9). Its host is its owner's choice. */
export function createCertServers(
  { certServers, dns }: Settings,
  lookup: HostLookup,
  answers: AnswerCache,
): (domain: string) => CertServer | null {
  const resolvers = new Map<string, Resolver>()
  // Private or not: whoever wrote the configuration chose the host.
  const reach = createReach(lookup, true)
  return (domain) => {
    const settings = certServers.get(domain)
    if (settings === undefined) return null
    const server = `${settings.host}:${settings.port}`
    if (settings.protocol === 'ldap') {
      const { host, port, secure } = settings
      return { kind: 'ldap', server, ldap: { host, port, secure }, reach }
    }
    const known = resolvers.get(server)
    const resolver =
      known ??
      answers.around(server, createResolver({ servers: [settings], timeoutMs: dns.timeoutMs, lookup }))
    resolvers.set(server, resolver)
    return { kind: 'dns', server, resolver }
  }
}

/** A resolver for each host that DNS names as a cert server (DISC-9); those with the same addresses are one host. */
export function createAskHost({ dns }: Settings, answers: AnswerCache): DiscoveryNetwork['askHost'] {
  const resolvers = new BoundedMap<Resolver>(MOST_HOSTS, () => 1)
  return ({ addresses }) => {
    const host = addresses.join(' ')
    const servers = addresses.map((address) => ({ host: address, port: 53 }))
    const resolver =
      resolvers.get(host) ?? answers.around(host, createResolver({ servers, timeoutMs: dns.timeoutMs }))
    resolvers.set(host, resolver)
    return resolver
  }
}

/** NET for hosts that DNS answers name, with the questions that tell their addresses. */
export function createDnsReach(resolver: Resolver, allowPrivate: boolean): Reach {
  return async (host, signal) => {
    const questions: Question[] = []
    // Not by the system: it would go through its search domains and hosts file.
    const reach = createReach(createLookup(noted(resolver, questions), false), allowPrivate)
    return { ...(await reach(host, signal)), questions }
  }
}

/** NET for a host that a DNS answer named: which of its addresses may be dialled. */
export function createReach(lookup: HostLookup, allowPrivate: boolean): Reach {
  return async (host, signal = new AbortController().signal) => {
    try {
      const found = await reachable(host, lookup, allowPrivate, signal)
      return 'status' in found
        ? { status: found.status, text: found.why }
        : { status: 'ok', addresses: found }
    } catch (error) {
      if (!(error instanceof DirectError && error.code === 'DNS_UNREACHABLE')) throw error
      return { status: error.temporary ? 'failed' : 'absent', text: error.message }
    }
  }
}
