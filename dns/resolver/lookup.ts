import { promises } from 'node:dns'
import { isIP } from 'node:net'
import { DirectError } from '../../agent/errors.ts'
import { canonicalName, isDnsName } from '../names.ts'
import { aborted } from './transport.ts'
import type { Answer, Resolver } from './types.ts'

/**
 * Host name to IP addresses; the shape that the mailbox asks for. Where none of those found is `wanted` (default: all are),
 * and whether there are others is not known, the host's address is not known.
 */
export type HostLookup = (
  host: string,
  signal?: AbortSignal,
  wanted?: (address: string) => boolean,
) => Promise<readonly string[]>

/**
 * How hosts get their addresses. IP literals (IPv6 in brackets or not) and `localhost` (RFC 6761 6.3) need no one;
 * all other names go to the system (`useSystem`) or to our resolver, A before AAAA.
 * `resolver` null forbids the network. Throws DirectError `DNS_UNREACHABLE`: final when the name has no address,
 * temporary when that is not known; `NETWORK_FORBIDDEN`; `ABORTED`.
 */
export function createLookup(resolver: Resolver | null, useSystem: boolean): HostLookup {
  return async (host, signal, wanted) => {
    const literal = host.replace(/^\[(.*)\]$/, '$1')
    if (isIP(literal) !== 0) return [literal]
    const name = canonicalName(host)
    if (name === 'localhost' || name.endsWith('.localhost')) return ['127.0.0.1']
    if (!isDnsName(name)) throw noAddress(host)
    if (resolver === null) {
      throw new DirectError('NETWORK_FORBIDDEN', `${host} was not looked up: the network is forbidden`)
    }
    return useSystem ? askSystem(name, signal) : askResolver(resolver, name, signal, wanted)
  }
}

async function askResolver(
  resolver: Resolver,
  host: string,
  signal: AbortSignal | undefined,
  wanted: (address: string) => boolean = () => true,
): Promise<readonly string[]> {
  const [v4, v6] = await Promise.all([
    resolver.resolve(host, 'A', { signal }),
    resolver.resolve(host, 'AAAA', { signal }),
  ])
  const addresses = [...addressesOf(v4), ...addressesOf(v6)]
  if (addresses.some(wanted)) return addresses
  for (const answer of [v4, v6]) {
    if (answer.status !== 'failed') continue
    const tried = answer.tries.map((one) => `${one.server} ${one.code}`).join(', ')
    throw notKnown(host, tried === '' ? 'no name server is known' : tried)
  }
  if (addresses.length > 0) return addresses
  throw noAddress(host)
}

function addressesOf(answer: Answer): readonly string[] {
  if (answer.status !== 'found') return []
  return answer.records.flatMap((record) => (typeof record.data === 'string' ? [record.data] : []))
}

async function askSystem(host: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
  if (signal?.aborted) throw aborted(signal)
  const { promise: gone, reject } = Promise.withResolvers<never>()
  const onAbort = () => signal && reject(aborted(signal))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const found = await Promise.race([promises.lookup(host, { all: true }), gone])
    return found.map((one) => one.address)
  } catch (error) {
    if (error instanceof DirectError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw code === 'ENOTFOUND' || code === 'ENODATA' ? noAddress(host, error) : notKnown(host, code, error)
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

function noAddress(host: string, cause?: unknown): DirectError {
  return new DirectError('DNS_UNREACHABLE', `the host ${JSON.stringify(host)} has no address in DNS`, {
    hint: 'Check the spelling of the host name, or give its IP address.',
    cause,
  })
}

function notKnown(host: string, why: string, cause?: unknown): DirectError {
  return new DirectError(
    'DNS_UNREACHABLE',
    `the address of ${JSON.stringify(host)} is not known now: ${why}`,
    {
      hint: 'Check that the name servers (dns.servers, or those of the system) answer, then try again.',
      temporary: true,
      cause,
    },
  )
}
