import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { fail, refuse, type Stop } from './target.ts'
import type { FetchRequest } from './types.ts'

export interface Exchange extends Pick<FetchRequest, 'limit' | 'post'> {
  readonly url: URL
  /** Checked beforehand: no other address is dialled. */
  readonly addresses: readonly string[]
  /** PEM of the CAs to believe for https; undefined: those that Node knows. */
  readonly ca: string | undefined
  readonly signal: AbortSignal
}

export type Exchanged =
  | { readonly status: 'ok'; readonly body: Uint8Array }
  | { readonly status: 'redirect'; readonly location: string }
  | Stop

/** One request over one connection that ends with it: no pool, no proxy, no cookie, no credentials. */
export async function exchange({ url, addresses, limit, post, ca, signal }: Exchange): Promise<Exchanged> {
  // One takes as long to load as all of Node.
  const { request, Agent } = await (url.protocol === 'https:' ? import('node:https') : import('node:http'))
  const options: RequestOptions = {
    method: post === undefined ? 'GET' : 'POST',
    headers: {
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': 'direct-agent',
      ...(post && { 'content-type': post.contentType, 'content-length': post.body.length }),
    },
    agent: new Agent({ keepAlive: false, autoSelectFamilyAttemptTimeout: 1000 }),
    lookup: pinned(addresses),
    // Said here, NODE_TLS_REJECT_UNAUTHORIZED has no say: an unsigned trust bundle is believed for its TLS alone.
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    ...(isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0 && { servername: url.hostname.replace(/\.$/, '') }),
    signal,
  }
  const outgoing = request(url, options)
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    outgoing.on('response', resolve).on('error', reject)
    // Nobody asked for another protocol; without a listener the connection would stand until the time is over.
    outgoing.on('upgrade', (answer) => resolve(answer))
    outgoing.end(post?.body)
    return await readAnswer(url, await promise, limit, post !== undefined)
  } catch (error) {
    signal.throwIfAborted()
    return fail(reasonOf(error, url))
  } finally {
    outgoing.destroy()
  }
}

/** Whatever is asked, the answer is what was checked. */
export function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_host, options, callback) => {
    if (options.all) callback(null, all)
    else callback(null, all[0]?.address ?? '', all[0]?.family)
  }
}

async function readAnswer(
  url: URL,
  answer: IncomingMessage,
  limit: number,
  isPost: boolean,
): Promise<Exchanged> {
  const { statusCode: code = 0, headers } = answer
  // 303 says: now GET another thing, which for a POST would be another question.
  if ([301, 302, 307, 308].includes(code) || (code === 303 && !isPost)) {
    const { location } = headers
    return location === undefined
      ? fail(`${url.host} sends elsewhere (${code}) without saying where`)
      : { status: 'redirect', location }
  }
  if (code !== 200) return fail(`${url.host} answers ${code}`)
  const coding = headers['content-encoding'] ?? 'identity'
  if (coding !== 'identity')
    return fail(`${url.host} answers in a coding that was not asked for (content-encoding)`)
  const tooLong = refuse(`${url.host} sends more than ${limit} bytes`)
  if (Number(headers['content-length'] ?? 0) > limit) return tooLong
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > limit) return tooLong
    chunks.push(chunk)
  }
  return { status: 'ok', body: new Uint8Array(Buffer.concat(chunks)) }
}

export function reasonOf(error: unknown, { host, protocol }: URL): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  if (code === 'ECONNREFUSED') return `${host} refuses connections`
  if (['ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH'].includes(code))
    return `${host} cannot be reached (${code})`
  if (['ECONNRESET', 'EPIPE'].includes(code)) return `${host} ended the connection early (${code})`
  if (code.startsWith('HPE_')) return `${host} answers with something that is not HTTP (${code})`
  return `${protocol === 'https:' ? 'TLS with' : 'the connection to'} ${host} failed (${code})`
}
