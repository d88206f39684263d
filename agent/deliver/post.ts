import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { isIP } from 'node:net'
import type { HostLookup } from '../../dns/index.ts'
import { DirectError } from '../errors.ts'
import { pinned, reasonOf } from '../fetch/exchange.ts'
import type { Source } from '../smime/source.ts'

/** One request to the EHR. */
export interface Post {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** It is streamed: what the other side does not take is not read. */
  readonly body: Source
  /** PEM of the CAs to believe for https; undefined: those that Node knows. */
  readonly ca: string | undefined
  readonly lookup: HostLookup
  /** How long the other side may be silent, or take nothing. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** A whole answer; `text` is null where it is longer than what is read of it. Or why there is none, as a clause. */
export type Answer = WholeAnswer | { readonly failed: string }
interface WholeAnswer {
  readonly status: number
  readonly text: string | null
}

/** Of an answer, as much is read. */
const MOST_BYTES = 16 << 10
/** Who takes less than this, in bytes a millisecond, is as good as silent. */
const SLOWEST = 32

/**
 * Posts over one connection that ends with it: no proxy, no cookie, no redirect followed. The operator named the host, so it
 * may be in a private network; plain http goes to this machine alone. Throws DirectError ABORTED, and what reading `body`
 * throws.
 */
export async function post(request: Post): Promise<Answer> {
  const { url, body, timeoutMs, signal } = request
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), timeoutMs + body.bytes / SLOWEST)
  const stopped = signal ? AbortSignal.any([signal, late.signal]) : late.signal
  try {
    return await exchange(request, stopped)
  } catch (error) {
    if (signal?.aborted)
      throw new DirectError('ABORTED', 'stopped before the EHR answered', { temporary: true })
    if (late.signal.aborted) return { failed: `${url.host} takes too long` }
    if (error instanceof DirectError && error.code === 'DNS_UNREACHABLE') return { failed: error.message }
    if (error instanceof DirectError || !isOfTheNetwork(error)) throw error
    return { failed: reasonOf(error, url) }
  } finally {
    clearTimeout(timer)
  }
}

async function exchange(
  { url, headers, body, ca, lookup, timeoutMs }: Post,
  signal: AbortSignal,
): Promise<Answer> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isTls = url.protocol === 'https:'
  const found = isIP(host) === 0 ? await lookup(host, signal) : [host]
  const addresses = isTls ? found : found.filter(isLoopback)
  if (addresses.length === 0)
    return {
      failed: isTls ? `${host} has no address` : `${host} is not this machine, and the URL is plain http`,
    }
  const { request, Agent } = await (isTls ? import('node:https') : import('node:http'))
  const options: RequestOptions = {
    method: 'POST',
    headers: { ...headers, 'content-length': body.bytes, 'user-agent': 'direct-agent' },
    agent: new Agent({ keepAlive: false, autoSelectFamilyAttemptTimeout: 1000 }),
    lookup: pinned(addresses),
    // Said here, NODE_TLS_REJECT_UNAUTHORIZED has no say.
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    ...(isIP(host) === 0 && { servername: host.replace(/\.$/, '') }),
    timeout: timeoutMs,
    signal,
  }
  const outgoing = request(url, options)
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  outgoing.on('response', resolve).on('upgrade', resolve).on('error', reject)
  let isSilent = false
  outgoing.on('timeout', () => {
    isSilent = true
    outgoing.destroy()
  })
  let unread: { readonly cause: unknown } | null = null
  const over = new AbortController()
  const written = { bytes: 0 }
  const writing = write(body, outgoing, written, over.signal).catch((cause: unknown) => {
    unread = { cause }
    outgoing.destroy()
  })
  try {
    const answer = await readAnswer(await answered)
    // Something on the way may say yes to whatever comes.
    if (isYes(answer) && written.bytes < body.bytes)
      return { failed: `${url.host} answers ${answer.status} before it has all of it` }
    return answer
  } catch (error) {
    if (unread !== null) throw (unread as { readonly cause: unknown }).cause
    if (isSilent) return { failed: `${url.host} was silent for ${timeoutMs / 1000} s` }
    throw error
  } finally {
    over.abort()
    outgoing.destroy()
    await writing
  }
}

function isYes({ status }: WholeAnswer): boolean {
  return status >= 200 && status < 300
}

/** What Node says of a connection has a code; what has none is a fault of ours. */
function isOfTheNetwork(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}

function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}

/** As fast as the other side takes it, and no further than until it has answered. */
async function write(
  body: Source,
  outgoing: ClientRequest,
  written: { bytes: number },
  over: AbortSignal,
): Promise<void> {
  for await (const chunk of body.read()) {
    if (over.aborted) return
    written.bytes += chunk.length
    if (!outgoing.write(chunk)) await once(outgoing, 'drain', { signal: over }).catch(() => undefined)
  }
  if (!over.aborted) outgoing.end()
}

async function readAnswer(answer: IncomingMessage): Promise<WholeAnswer> {
  const { statusCode: status = 0, headers } = answer
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MOST_BYTES) return { status, text: null }
    chunks.push(chunk)
  }
  const isPlain = (headers['content-encoding'] ?? 'identity') === 'identity'
  return { status, text: isPlain ? Buffer.concat(chunks).toString('utf8') : null }
}
