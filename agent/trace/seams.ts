import type { CertServer, DiscoveryNetwork, Reach, Resolver } from '../../dns/index.ts'
import { createCertdnsHosts } from '../../dns/resolver/index.ts'
import type { ClassifyTools } from '../classify.ts'
import { DirectError } from '../errors.ts'
import type { JudgeTools } from '../trust/judge.ts'
import type { OpenDecided, OpenTrace } from './schema.ts'
import type { Tape } from './tape.ts'

/** Everybody whom a question about addresses may ask. */
export interface Askable {
  readonly network: DiscoveryNetwork
  readonly fetch: NonNullable<JudgeTools['fetch']>
  readonly cache: JudgeTools['cache']
  readonly proveTls: NonNullable<ClassifyTools['proveTls']>
}

/** For a replay: its tape asks nobody. */
export const NOBODY: Askable = {
  network: {
    resolver: { resolve: nobody },
    ldap: { search: nobody },
    reach: nobody,
    followUrl: nobody,
    certServer: () => null,
    askHost: () => ({ resolve: nobody }),
    certdns: { find: nobody },
    random: () => 0,
  },
  fetch: nobody,
  cache: { get: nobody, put: nobody },
  proveTls: nobody,
}

async function nobody(): Promise<never> {
  throw new TypeError('a replay asks nobody')
}

/** Discovery through a tape. */
export function networkThrough(
  tape: Tape,
  { followUrls, certServers }: OpenDecided,
  { draw }: OpenTrace['random'],
  real: DiscoveryNetwork,
): DiscoveryNetwork {
  const resolver = (via: string, asked: Resolver): Resolver => ({
    resolve: (name, type, options = {}) =>
      tape.ask('dns', { via, name, type }, () => asked.resolve(name, type, options), options.signal),
  })
  const reach =
    (via: string, ask: Reach): Reach =>
    (host, signal) =>
      tape.ask('reach', { via, host }, () => ask(host, signal), signal)
  const certServer = (domain: string): CertServer | null => {
    const decided = certServers.find((one) => one.domain === domain)
    if (decided === undefined) return null
    const asked = real.certServer(domain)
    const via = `cert server of ${domain}`
    const { server } = decided
    return decided.kind === 'dns'
      ? {
          kind: 'dns',
          server,
          resolver: resolver(via, asked?.kind === 'dns' ? asked.resolver : real.resolver),
        }
      : {
          kind: 'ldap',
          server,
          ldap: decided.ldap,
          reach: reach(via, asked?.kind === 'ldap' ? asked.reach : real.reach),
        }
  }
  const { followUrl } = real
  return {
    resolver: resolver('', real.resolver),
    ldap: {
      search: ({ host, port, secure, addresses }, { mail, domain }, options = {}) => {
        const server = { host, port, secure, addresses }
        const ask = () => real.ldap.search(server, { mail, domain }, options)
        return tape.ask('ldap', { ...server, mail, domain }, ask, options.signal)
      },
    },
    reach: reach('', real.reach),
    followUrl:
      followUrls && followUrl !== null
        ? (url, signal) => tape.ask('ipkix', { url }, () => followUrl(url, signal), signal)
        : null,
    certServer,
    // One of the tape's own: what was known from before is not in it.
    certdns: createCertdnsHosts(() => tape.now().getTime()),
    askHost: (host) => resolver([host.name, ...host.addresses].join(' '), real.askHost(host)),
    random: () => draw,
    patience: (ms, about, expire) => {
      // Where it has ended, the time is no part of what was recorded.
      const ended = new AbortController()
      void tape
        .ask('patience', { about }, () => over(ms), ended.signal)
        .then(expire, (error: unknown) => {
          if (!ended.signal.aborted) throw error
        })
      return () => ended.abort()
    },
  }
}

/** What a judge asks, through a tape. */
export function judgingThrough(
  tape: Tape,
  { network, revocation }: OpenDecided,
  { nonce }: OpenTrace['random'],
  real: Pick<Askable, 'fetch' | 'cache'>,
): JudgeTools {
  return {
    mode: revocation,
    fetch: network
      ? (request) => {
          const { url, limit, post, signal } = request
          const body = post === undefined ? null : Buffer.from(post.body).toString('base64')
          return tape.ask('fetch', { url, limit, post: body }, () => real.fetch(request), signal)
        }
      : null,
    cache: {
      get: (key, now) => tape.ask('kept', { key }, () => real.cache.get(key, now)),
      put: async (fetched, now) => {
        const keep = () => real.cache.put(fetched, now).then(() => null, unkept)
        await tape.ask('keep', { key: fetched.key }, keep)
      },
    },
    now: tape.now,
    random: (bytes) => nonce.subarray(0, bytes),
    patience: (ms, about) => {
      const controller = new AbortController()
      void tape
        .ask('patience', { about }, () => over(ms))
        .then(() => controller.abort(new DOMException('the time is over', 'TimeoutError')))
      return controller.signal
    },
  }
}

/** Holds up no process that has come to its end. */
function over(ms: number): Promise<null> {
  const { promise, resolve } = Promise.withResolvers<null>()
  AbortSignal.timeout(ms).addEventListener('abort', () => resolve(null), { once: true })
  return promise
}

/** Losing it loses nothing but time, as without a tape: what was fetched is in hand. */
function unkept(error: unknown): null {
  if (error instanceof DirectError) return null
  throw error
}

/** Whether a server proves TLS, through a tape. */
export function tlsThrough(tape: Tape, proveTls: Askable['proveTls']): Askable['proveTls'] {
  return (server, signal) => {
    const { host, port } = server
    return tape.ask('tls', { host, port }, () => proveTls(server, signal), signal)
  }
}
