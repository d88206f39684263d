import { canonicalName } from '../../names.ts'
import type { Answer, Resolver } from '../../resolver/types.ts'
import type { Reach } from '../../types.ts'

/** Where the name servers of a zone are, or why they cannot be asked. */
export interface NameServers {
  /** The name at which the zone begins; null: not found out. */
  readonly zone: string | null
  readonly servers: readonly { readonly host: string; readonly addresses: readonly string[] }[]
  /** Servers that cannot be asked, and why: a sentence each. */
  readonly notes: readonly string[]
}

/** RFC 1034 4.1 has no limit; no zone needs more. */
const MAX_SERVERS = 13

/**
 * Finds the name servers of the zone that a name lies in: NS records at the name, else above it. Their hosts come out of
 * DNS answers, so `reach` guards them (NET). Each question is asked once, however many names.
 */
export function createNameServerSearch(
  resolver: Resolver,
  reach: Reach,
  signal: AbortSignal | undefined,
): (name: string) => Promise<NameServers> {
  const asked = new Map<string, Promise<Answer>>()
  const zones = new Map<string, Promise<NameServers>>()
  const once = <T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> => {
    const made = known.get(key) ?? make()
    known.set(key, made)
    return made
  }
  return async (owner) => {
    for (let name = owner; name.includes('.'); name = name.slice(name.indexOf('.') + 1)) {
      const at = name
      const answer = await once(asked, at, () => resolver.resolve(at, 'NS', { signal }))
      if (answer.status === 'failed') {
        const why = answer.tries.map(({ server, text }) => `${server}: ${text}`).join('; ')
        return { zone: null, servers: [], notes: [`the name servers of ${at} are not known now: ${why}`] }
      }
      const hosts = answer.status === 'found' ? hostsAt(at, answer) : []
      if (hosts.length > 0) return once(zones, at, () => reachAll(at, hosts, reach, signal))
    }
    return { zone: null, servers: [], notes: [`no zone that ${owner} lies in has name servers in DNS`] }
  }
}

/** None where an alias led elsewhere: those are the name servers of another zone. */
function hostsAt(name: string, answer: Extract<Answer, { readonly status: 'found' }>): readonly string[] {
  const hosts = answer.records.flatMap((record) =>
    record.name === name && typeof record.data === 'string' ? [canonicalName(record.data)] : [],
  )
  return [...new Set(hosts)].slice(0, MAX_SERVERS)
}

async function reachAll(
  zone: string,
  hosts: readonly string[],
  reach: Reach,
  signal: AbortSignal | undefined,
): Promise<NameServers> {
  const reached = await Promise.all(hosts.map(async (host) => ({ host, found: await reach(host, signal) })))
  const servers = reached.flatMap(({ host, found }) =>
    found.status === 'ok' ? [{ host, addresses: found.addresses }] : [],
  )
  const alone = servers.length === 0 ? '; resolvers alone were asked' : ''
  const notes = reached.flatMap(({ host, found }) =>
    found.status === 'ok' ? [] : [`the name server ${host} of ${zone} was not asked: ${found.text}${alone}`],
  )
  return { zone, servers, notes }
}
