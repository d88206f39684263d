import {
  type DiscoveryNetwork,
  ExpiringMap,
  isSilence,
  type Question,
  type Reach,
  type Resolver,
} from '../../dns/index.ts'

/** So often in a row something fails before it is left alone: once may be an accident. */
const FAILS = 3
/** Seconds: as long as an answer that is not known should not be asked for again. */
const LEFT_ALONE = 60
const KEPT = { maxEntries: 10_000, maxBytes: 10_000 }

interface Said {
  readonly status: string
  readonly questions?: readonly Question[]
}

/**
 * A network for an address book. A directory that keeps failing, a cert server that stays silent, and a question that name
 * servers or hosts of URLs keep failing, are left alone for a minute: each address of a large domain would otherwise wait
 * for them anew. What is not known stays so and is no absence (DISC-6, RFC 9520 3).
 */
export function leavingAlone(network: DiscoveryNetwork, now = () => performance.now()): DiscoveryNetwork {
  const { resolver, ldap, reach, followUrl, certServer, askHost } = network
  const failing = new ExpiringMap<{ readonly times: number; readonly answer: unknown }>({ now, ...KEPT })

  async function ask<A extends Said>(
    key: string,
    put: () => Promise<A>,
    isFailing: (answer: A) => boolean = ({ status }) => status === 'failed',
  ): Promise<A> {
    const before = failing.get(key)?.value
    if (before !== undefined && before.times >= FAILS) return before.answer as A
    const answer = await put()
    const failed = failing.get(key)?.value.times ?? 0
    const times = isFailing(answer) ? failed + 1 : 0
    if (failed + times === 0) return answer
    // Whoever hears it later has put no question.
    const later = answer.questions === undefined ? answer : { ...answer, questions: [] }
    failing.set(key, { times, answer: later }, { bytes: 1, seconds: times > 0 ? LEFT_ALONE : 0 })
    return answer
  }

  const reaching =
    (via: string, asked: Reach): Reach =>
    (host, signal) =>
      ask(`${via} REACH ${host}`, () => asked(host, signal))
  /** One server, which each address has another question for. One that answers, whatever it says, holds nobody up. */
  const server = (shown: string, asked: Resolver): Resolver => ({
    resolve: (name, type, options) =>
      ask(`SERVER ${shown}`, () => asked.resolve(name, type, options), isSilence),
  })

  return {
    ...network,
    resolver: {
      resolve: (name, type, options) => ask(`${type} ${name}`, () => resolver.resolve(name, type, options)),
    },
    ldap: {
      search: (server, question, options) =>
        ask(`LDAP ${server.host}:${server.port} ${server.addresses.join()}`, () =>
          ldap.search(server, question, options),
        ),
    },
    reach: reaching('', reach),
    followUrl: followUrl && ((url, signal) => ask(`URL ${url}`, () => followUrl(url, signal))),
    certServer(domain) {
      const found = certServer(domain)
      if (found === null) return null
      return found.kind === 'dns'
        ? { ...found, resolver: server(found.server, found.resolver) }
        : { ...found, reach: reaching(found.server, found.reach) }
    },
    askHost: (host) => server(host.addresses.join(), askHost(host)),
  }
}
