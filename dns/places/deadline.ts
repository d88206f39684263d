import { serverUrl } from '../ldap/url.ts'
import type { Answer, Resolver } from '../resolver/types.ts'
import type { Reach } from '../types.ts'
import type { DiscoveryNetwork } from './types.ts'

/**
 * Milliseconds for all that is asked about one address: silent servers one after the other, and CNAMEs that lead from one
 * to the next, would hold it up for minutes, and a hostile domain names as many as it likes.
 */
export const SEARCH_MS = 60_000

const LATE = `no answer within the ${SEARCH_MS / 1000} s that one address is looked for`
const NOBODY: Answer = {
  status: 'failed',
  tries: [{ server: 'the name servers', code: 'TIMEOUT', text: LATE }],
}

/** The search of one address, while it lasts. */
export interface Search extends Disposable {
  readonly network: DiscoveryNetwork
  /** Fires when the time is over or the caller gives up: to be handed to everybody who is asked. */
  readonly signal: AbortSignal
}

/**
 * The same network, and for one search alone: whoever has not answered after `SEARCH_MS` has failed, and whoever is asked
 * later too, which is not known and no absence (DISC-6, DISC-7). What was asked until then is given up. `about` names
 * the search in a trace.
 */
export function withinDeadline(
  network: DiscoveryNetwork,
  about: string,
  caller: AbortSignal | undefined,
): Search {
  const { patience = systemPatience } = network
  const asking = new AbortController()
  const { promise: lateness, resolve: tell } = Promise.withResolvers<typeof LATE>()
  let isLate = false
  const expire = () => {
    isLate = true
    tell(LATE)
    asking.abort(new DOMException(LATE, 'TimeoutError'))
  }
  const giveUp = () => asking.abort(caller?.reason)
  const end = patience(SEARCH_MS, about, expire)
  caller?.addEventListener('abort', giveUp, { once: true })
  if (caller?.aborted) giveUp()

  async function inTime<T extends object>(ask: () => Promise<T>, failed: T): Promise<T> {
    if (isLate) return failed
    const answer = await Promise.race([ask(), lateness])
    return answer === LATE ? failed : answer
  }

  return {
    network: timed(network, inTime),
    signal: asking.signal,
    [Symbol.dispose]() {
      end()
      caller?.removeEventListener('abort', giveUp)
    },
  }
}

function systemPatience(ms: number, _about: string, expire: () => void): () => void {
  const timer = setTimeout(expire, ms)
  return () => clearTimeout(timer)
}

/** Each way of asking somebody, and what it comes to where there is no time left. */
function timed(
  network: DiscoveryNetwork,
  inTime: <T extends object>(ask: () => Promise<T>, failed: T) => Promise<T>,
): DiscoveryNetwork {
  const { ldap, followUrl, certServer, certdns } = network
  const resolver = (asked: Resolver): Resolver => ({
    resolve: (name, type, options) => inTime(() => asked.resolve(name, type, options), NOBODY),
  })
  const reach =
    (ask: Reach): Reach =>
    (host, signal) =>
      inTime(() => ask(host, signal), { status: 'failed', text: LATE })
  return {
    ...network,
    resolver: resolver(network.resolver),
    ldap: {
      search: (server, question, options) =>
        inTime(() => ldap.search(server, question, options), {
          status: 'failed',
          text: LATE,
          questions: [{ name: serverUrl(server), type: 'LDAP', answer: LATE }],
        }),
    },
    reach: reach(network.reach),
    followUrl:
      followUrl && ((url, signal) => inTime(() => followUrl(url, signal), { status: 'failed', text: LATE })),
    certServer(domain) {
      const server = certServer(domain)
      if (server === null) return null
      return server.kind === 'dns'
        ? { ...server, resolver: resolver(server.resolver) }
        : { ...server, reach: reach(server.reach) }
    },
    certdns: {
      async find(domain, owner, _, signal) {
        // Of use to others who ask at the same time, and whose time is not over.
        const find = () => certdns.find(domain, owner, network, signal)
        const found = await inTime(find, { status: 'failed', note: LATE, questions: [] })
        return found.status === 'answers' ? { ...found, resolver: resolver(found.resolver) } : found
      },
    },
  }
}
