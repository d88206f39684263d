import { isIP } from 'node:net'
import type { HostLookup } from '../../dns/index.ts'
import { DirectError } from '../errors.ts'
import { isGlobal } from './addresses.ts'
import type { NotFetched } from './types.ts'

const MAX_URL = 2048
/** Addresses of one host that are tried. */
const MAX_ADDRESSES = 6

/** Why a fetch went no further: `why` is a clause, for a sentence that begins with the URL. */
export interface Stop {
  readonly status: NotFetched['status']
  readonly why: string
}

export const refuse = (why: string): Stop => ({ status: 'refused', why })
export const fail = (why: string): Stop => ({ status: 'failed', why })

/** Reads a URL and judges what can be seen in it: scheme, credentials, port. Numeric hosts come out in one form. */
export function readTarget(
  text: string,
  { anyPort, from }: { readonly anyPort: boolean; readonly from: URL | null },
): URL | Stop {
  const url = text.length <= MAX_URL ? URL.parse(text, from?.href) : null
  if (url === null) return refuse('it is not a URL that can be followed')
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refuse('only http and https URLs are followed')
  // What was asked for over TLS may be believed for that reason alone, as an unsigned trust bundle is.
  if (from?.protocol === 'https:' && url.protocol === 'http:') return refuse('it gives up TLS on the way')
  if (url.username !== '' || url.password !== '') return refuse('it carries a user name or a password')
  // Below 1024 other protocols live, and nobody shall talk to their servers through us.
  if (!anyPort && url.port !== '' && Number(url.port) < 1024)
    return refuse(`port ${url.port} is for another protocol`)
  return url
}

/** The addresses that may be dialled for a URL's host, looked up once: those that are dialled are these. */
export async function addressesOf(
  { hostname }: URL,
  lookup: HostLookup,
  allowPrivate: boolean,
  signal: AbortSignal,
): Promise<readonly string[] | Stop> {
  try {
    return await reachable(hostname.replace(/^\[(.*)\]$/, '$1'), lookup, allowPrivate, signal)
  } catch (error) {
    if (!(error instanceof DirectError) || signal.aborted) throw error
    return fail(error.message)
  }
}

/** The addresses of a host that may be dialled (NET). Throws what `lookup` throws. */
export async function reachable(
  host: string,
  lookup: HostLookup,
  allowPrivate: boolean,
  signal: AbortSignal,
): Promise<readonly string[] | Stop> {
  const isAllowed = (address: string) => isIP(address) !== 0 && (allowPrivate || isGlobal(address))
  const found = isIP(host) === 0 ? await lookup(host, signal, isAllowed) : [host]
  const allowed = found.filter(isAllowed)
  if (allowed.length > 0) return allowed.slice(0, MAX_ADDRESSES)
  if (found.length === 0) return fail(`the host ${host} has no address`)
  const at = found.slice(0, 3).join(', ')
  return refuse(
    `the host ${host} is at ${at}, which the internet cannot reach, and network.allowPrivate is off`,
  )
}
