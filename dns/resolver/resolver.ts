import { randomInt } from 'node:crypto'
import { getServers, promises } from 'node:dns'
import { isIP } from 'node:net'
import { DirectError } from '../../agent/errors.ts'
import { canonicalName, isDnsName } from '../names.ts'
import { createLimit, createSharing } from '../share.ts'
import type { HostPort } from '../types.ts'
import { askServer, type ExchangeOptions, showServer } from './exchange.ts'
import { interpret, type Trail } from './interpret.ts'
import type { Message } from './message.ts'
import type { Answer, FailedTry, RecordType, Resolver } from './types.ts'

/** Each question holds a socket; a large batch must not use up the process's files. */
const MAX_AT_ONCE = 200

export interface ResolverOptions {
  /** Asked in this order; undefined: the system's, read at the first question. */
  readonly servers: readonly HostPort[] | undefined
  /** Milliseconds for each try of a server; UDP and TCP are a try each. */
  readonly timeoutMs: number
  /** How often the whole list is gone through. Default 1: UDP, then TCP, are two tries of a silent server already. */
  readonly attempts?: number
  /** False: the servers are name servers, asked for what they know themselves. Default true. */
  readonly recursive?: boolean
  /** Message ids, 0 to 65535. Default: node:crypto. */
  readonly randomId?: () => number
  /** Addresses of a server that is given by name. Default: the system's. */
  readonly lookup?: (host: string, signal?: AbortSignal) => Promise<readonly string[]>
}

/**
 * A stub resolver (protocol.md DISC-5, DISC-6). Absence is what a server says of itself (NXDOMAIN, NODATA); all
 * that is not known moves on to the next server, and after the last one is `failed`, with every try.
 * A question that is already under way is not put twice.
 */
export function createResolver(options: ResolverOptions): Resolver {
  const share = createSharing<Answer>()
  const limit = createLimit(MAX_AT_ONCE)
  const attempts = options.attempts ?? 1
  const id = options.randomId ?? (() => randomInt(0x10000))
  const lookup = options.lookup ?? systemLookup
  let configured = options.servers

  function servers(): readonly HostPort[] {
    configured ??= systemServers()
    return Array.from({ length: attempts }, () => configured ?? []).flat()
  }

  async function find(start: string, type: RecordType, signal: AbortSignal): Promise<Answer> {
    const exchange = { timeoutMs: options.timeoutMs, id, signal, recursive: options.recursive ?? true }
    let trail: Trail = { names: [start], ttl: Number.POSITIVE_INFINITY }
    // Every turn makes the trail longer, and `interpret` bounds it.
    for (;;) {
      const step = await askInTurn(servers(), trail, type, exchange, lookup)
      if ('status' in step) return step
      trail = step
    }
  }

  return {
    async resolve(name, type, { signal } = {}) {
      const start = canonicalName(name)
      if (!isDnsName(start)) {
        const text = `${JSON.stringify(name.slice(0, 100))} is not a name that DNS can carry`
        return { status: 'failed', tries: [{ server: 'none', code: 'MALFORMED', text }] }
      }
      const work = (shared: AbortSignal) => limit(() => find(start, type, shared))
      return share(`${type} ${start}`, work, signal)
    },
  }
}

/** Puts the trail's last name to one server after the other: an answer, or the longer trail to go on with. */
async function askInTurn(
  servers: readonly HostPort[],
  trail: Trail,
  type: RecordType,
  options: ExchangeOptions,
  lookup: NonNullable<ResolverOptions['lookup']>,
): Promise<Answer | Trail> {
  const tries: FailedTry[] = []
  const name = trail.names.at(-1) as string
  for (const server of servers) {
    const outcome = await askByName(server, name, type, options, lookup)
    if ('tries' in outcome) {
      tries.push(...outcome.tries)
      continue
    }
    const reading = interpret(outcome.message, trail, type)
    const shown = showServer(server)
    switch (reading.kind) {
      case 'found':
        return { status: 'found', records: reading.records, ttl: reading.ttl, server: shown }
      case 'alias':
        return reading.trail
      case 'failed':
        tries.push({ server: shown, code: reading.code, text: reading.text })
        break
      default:
        return {
          status: 'absent',
          kind: reading.kind,
          ttl: reading.ttl,
          ...(reading.soaTtl !== undefined && { soaTtl: reading.soaTtl }),
          server: shown,
        }
    }
  }
  return { status: 'failed', tries }
}

async function askByName(
  server: HostPort,
  name: string,
  type: RecordType,
  options: ExchangeOptions,
  lookup: NonNullable<ResolverOptions['lookup']>,
): Promise<{ readonly message: Message } | { readonly tries: readonly FailedTry[] }> {
  if (isIP(server.host) !== 0) return askServer(server, name, type, options)
  const tries: FailedTry[] = []
  let addresses: readonly string[]
  try {
    addresses = await lookup(server.host, options.signal)
  } catch (error) {
    if (error instanceof DirectError && error.code === 'ABORTED') throw error
    const text = `the server's own name does not resolve: ${error instanceof Error ? error.message : String(error)}`
    return { tries: [{ server: showServer(server), code: 'UNREACHABLE', text }] }
  }
  for (const host of addresses) {
    const outcome = await askServer({ host, port: server.port }, name, type, options)
    if ('message' in outcome) return outcome
    tries.push(...outcome.tries)
  }
  return { tries }
}

async function systemLookup(host: string): Promise<readonly string[]> {
  return (await promises.lookup(host, { all: true })).map((found) => found.address)
}

/** The resolvers of this machine. */
export function systemServers(): readonly HostPort[] {
  return getServers().map(parseServer)
}

/** As node:dns writes them: `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. */
function parseServer(text: string): HostPort {
  if (isIP(text) !== 0) return { host: text, port: 53 }
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}
