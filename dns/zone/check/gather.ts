import { isSilence } from '../../answers.ts'
import { directoryAt } from '../../ldap/targets.ts'
import type { LdapClient, LdapServer } from '../../ldap/types.ts'
import type { Answer, Resolver } from '../../resolver/types.ts'
import { createLimit } from '../../share.ts'
import type { HostPort, Reach } from '../../types.ts'
import { Failures } from './failures.ts'
import { createNameServerSearch } from './name-servers.ts'
import { seenInDirectory, seenInDns } from './observe.ts'
import type { Expectation, Harmless, Observation } from './types.ts'

/** Whom zone check asks. Nothing here keeps answers. */
export interface CheckNetwork {
  /** Each resolver of the configuration by itself; the name servers are found through all of them in turn. */
  readonly resolvers: readonly { readonly server: string; readonly resolver: Resolver }[]
  readonly resolver: Resolver
  /** NET, as it guards strangers. */
  readonly reach: Reach
  /** NET, for the hosts of name servers: those of our own configuration may be private. */
  readonly reachNameServer: Reach
  /** A resolver that asks one name server, without recursion; null: name servers are not asked. */
  readonly askNameServer: ((addresses: readonly string[]) => Resolver) | null
  readonly ldap: LdapClient
  /** `publish.directories`. */
  readonly directories: readonly HostPort[]
  /** The addresses of a directory: its host is its owner's choice. */
  readonly reachDirectory: Reach
}

export interface Gathered {
  readonly answers: readonly {
    readonly expected: Expectation
    readonly observations: readonly Observation[]
  }[]
  readonly notes: readonly string[]
}

/** Questions to directories at once: each opens a connection. */
const DIRECTORY_QUESTIONS = 8

/** Asks every server every question, all side by side: one that is silent keeps no other waiting. */
export async function gather(
  expectations: readonly Expectation[],
  network: CheckNetwork,
  harmless: Harmless,
  signal?: AbortSignal,
): Promise<Gathered> {
  const notes = new Set<string>()
  const failures = new Failures()
  const askName = dnsAsker(network, { notes, failures, harmless, signal })
  const directories = await reachedDirectories(network, notes, signal)
  const limit = createLimit(DIRECTORY_QUESTIONS)
  const answers = expectations.map(async (expected) => {
    const { name, domain, type } = expected
    if (type !== 'LDAP') return { expected, observations: await askName(expected, type) }
    const observations = directories.map(async ({ server, at }): Promise<Observation> => {
      const search = () => network.ldap.search(at, { mail: name, domain }, { signal })
      return { server, role: 'directory', seen: seenInDirectory(await limit(search), expected, harmless) }
    })
    return { expected, observations: await Promise.all(observations) }
  })
  return { answers: await Promise.all(answers), notes: [...notes, ...failures.notes()] }
}

interface Asking {
  readonly notes: Set<string>
  readonly failures: Failures
  readonly harmless: Harmless
  readonly signal: AbortSignal | undefined
}

function dnsAsker(network: CheckNetwork, { notes, failures, harmless, signal }: Asking) {
  const { askNameServer } = network
  const search = createNameServerSearch(network.resolver, network.reachNameServer, signal)
  const nameServers = new Map<string, Resolver>()

  const askOwn = async (expected: Expectation, type: 'CERT' | 'SRV'): Promise<readonly Observation[]> => {
    if (askNameServer === null) return []
    const { name } = expected
    // A wildcard lies in the zone of what it stands below (RFC 4592 4.2).
    const { servers, notes: its } = await search(name.replace(/^\*\./, ''))
    for (const note of its) notes.add(note)
    return Promise.all(
      servers.map(async ({ host, addresses }): Promise<Observation> => {
        const resolver = nameServers.get(host) ?? onceSilent(askNameServer(addresses))
        nameServers.set(host, resolver)
        const seen = seenInDns(await resolver.resolve(name, type, { signal }), expected, harmless)
        failures.look(`the name server ${host}`, seen)
        return { server: host, role: 'name-server', seen }
      }),
    )
  }
  return async (expected: Expectation, type: 'CERT' | 'SRV'): Promise<readonly Observation[]> => {
    const asked = network.resolvers.map(async ({ server, resolver }): Promise<Observation> => {
      const seen = seenInDns(await resolver.resolve(expected.name, type, { signal }), expected, harmless)
      failures.look(`the resolver ${server}`, seen)
      return { server, role: 'resolver', seen }
    })
    const [own, others] = await Promise.all([askOwn(expected, type), Promise.all(asked)])
    return [...own, ...others]
  }
}

/** A name server that is silent to the first question is not waited for at each of the others. */
function onceSilent(resolver: Resolver): Resolver {
  let first: Promise<Answer> | null = null
  return {
    async resolve(name, type, options) {
      if (first === null) {
        first = resolver.resolve(name, type, options)
        return first
      }
      const answer = await first
      return isSilence(answer) ? answer : resolver.resolve(name, type, options)
    },
  }
}

/** A directory that cannot be reached is answered for by nobody: a note, and no observation. */
async function reachedDirectories(
  { directories, reach, reachDirectory }: CheckNetwork,
  notes: Set<string>,
  signal: AbortSignal | undefined,
): Promise<readonly { readonly server: string; readonly at: LdapServer }[]> {
  const reached = directories.map(async ({ host, port }) => {
    const server = `${host}:${port}`
    const found = await reachDirectory(host, signal)
    if (found.status !== 'ok') {
      notes.add(`the directory ${server} was not asked: ${found.text}`)
      return []
    }
    const public_ = await reach(host, signal)
    if (public_.status === 'refused')
      notes.add(`strangers do not ask the directory ${server}: ${public_.text}`)
    return [{ server, at: { ...directoryAt({ host, port }), addresses: found.addresses } }]
  })
  return (await Promise.all(reached)).flat()
}
