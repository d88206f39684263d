import type { HostLookup } from '../dns/index.ts'
import { DirectError } from './errors.ts'
import { notFetched, shown, shownWithoutQuery } from './fetch/shown.ts'
import { addressesOf, fail, readTarget, refuse, type Stop } from './fetch/target.ts'
import type { Fetched, FetchRequest, GuardedFetch, NotFetched } from './fetch/types.ts'

export type { Fetched, FetchRequest, GuardedFetch } from './fetch/types.ts'

const MAX_REDIRECTS = 3
/** For everything together: DNS, connections, TLS, redirects, the last byte. */
const TIMEOUT_MS = 10_000

export interface FetchOptions {
  /** Host name to addresses. Asked once for each host that is contacted; what it answered is what is dialled. */
  readonly lookup: HostLookup
  /** `network.allowPrivate`: addresses need not be globally reachable. */
  readonly allowPrivate: boolean
  /** PEM of the CAs to believe for https; those that Node knows by default. */
  readonly ca?: string
  /** Milliseconds in all; 10,000 by default (NET). */
  readonly timeoutMs?: number
}

/**
 * The only way to a URL that somebody else wrote (protocol.md NET). Of a host with several addresses, those that are
 * not globally reachable are left out; where no other is left, the URL is refused.
 */
export function createFetch(options: FetchOptions): GuardedFetch {
  const { lookup, allowPrivate, ca, timeoutMs = TIMEOUT_MS } = options

  return async (request) => {
    const deadline = AbortSignal.timeout(timeoutMs)
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline
    /** The URLs on the way, the one asked for first. */
    const way: string[] = []
    try {
      const got = await unlessAborted(follow(request, way, signal), signal)
      return got.status === 'ok' ? got : unfetched(request, way, got)
    } catch (error) {
      if (request.signal?.aborted)
        throw new DirectError('ABORTED', 'the fetch was given up', { temporary: true, cause: error })
      if (!signal.aborted) throw error
      const host = URL.parse(way.at(-1) ?? '')?.host
      return unfetched(request, way, fail(`no complete answer from ${host} within ${timeoutMs / 1000} s`))
    }
  }

  async function follow(
    { url, limit, post, configured = false }: FetchRequest,
    way: string[],
    signal: AbortSignal,
  ): Promise<Stop | Extract<Fetched, { status: 'ok' }>> {
    let next = url
    let from: URL | null = null
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const own = configured && from === null
      way.push(from === null ? next : (URL.parse(next, from.href)?.href ?? next))
      const target = readTarget(next, { anyPort: own, from })
      if ('status' in target) return target
      const addresses = await addressesOf(target, lookup, allowPrivate || own, signal)
      if ('status' in addresses) return addresses
      const { exchange } = await import('./fetch/exchange.ts')
      const got = await exchange({ url: target, addresses, limit, ...(post && { post }), ca, signal })
      if (got.status !== 'redirect') return got
      next = got.location
      from = target
    }
    return refuse(`more than ${MAX_REDIRECTS} redirects`)
  }
}

function unfetched(
  { url, configured = false }: FetchRequest,
  [, ...redirects]: readonly string[],
  { status, why }: Stop,
): NotFetched {
  const name = configured ? shownWithoutQuery : shown
  const last = redirects.at(-1)
  return notFetched(url, status, last === undefined ? why : `it leads to ${name(last)}: ${why}`, name)
}

/** A lookup that does not listen to the signal must not hold anyone up. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: gone, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, gone])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
