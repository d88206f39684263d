import { type DiscoveryNetwork, ExpiringMap } from '../../dns/index.ts'

/** So often in a row something fails before it is left alone: once may be an accident. */
const FAILS = 3
/** Seconds: as long as an answer that is not known should not be asked for again. */
const LEFT_ALONE = 60
const KEPT = { maxEntries: 10_000, maxBytes: 10_000 }

/**
 * A network for an address book. A directory that keeps failing, and a question that name servers keep failing, are left
 * alone for a minute: each address of a large domain would otherwise wait for them anew. What is not known stays so and is
 * no absence (DISC-6, RFC 9520 3).
 */
export function leavingAlone(
  { resolver, ldap, ...network }: DiscoveryNetwork,
  now = () => performance.now(),
): DiscoveryNetwork {
  const failing = new ExpiringMap<{ readonly times: number; readonly answer: unknown }>({ now, ...KEPT })

  async function ask<A extends { readonly status: string }>(key: string, put: () => Promise<A>): Promise<A> {
    const before = failing.get(key)?.value
    if (before !== undefined && before.times >= FAILS) return before.answer as A
    const answer = await put()
    const times = answer.status === 'failed' ? (failing.get(key)?.value.times ?? 0) + 1 : 0
    failing.set(key, { times, answer }, { bytes: 1, seconds: times > 0 ? LEFT_ALONE : 0 })
    return answer
  }

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
  }
}
