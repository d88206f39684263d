import type { Answer, DiscoveryNetwork, RecordType, Resolver } from '../../dns/index.ts'
import { createCertdnsHosts } from '../../dns/resolver/index.ts'
import { certRdata } from './scripted-server.ts'

/**
 * What a literal zone holds at a name: DER of PKIX records, whole RDATA of CERT records, addresses, SRV records (`target`
 * alone: priority 0, weight 0, port 389), or how every question about it fails.
 */
export type Literal =
  | 'SERVFAIL'
  | 'NXDOMAIN'
  | 'NODATA'
  | readonly Buffer[]
  | { readonly rdata: readonly Buffer[] }
  | { readonly a: readonly string[] }
  | { readonly srv: readonly LiteralSrv[] }

export interface LiteralSrv {
  readonly target: string
  readonly priority?: number
  readonly weight?: number
  readonly port?: number
}

/** A resolver over an object, that keeps the questions in the order they came. */
export function literalZone(
  zone: Readonly<Record<string, Literal>>,
): Resolver & { readonly asked: readonly string[] } {
  const asked: string[] = []
  return {
    asked,
    async resolve(name, type) {
      asked.push(`${type} ${name}`)
      return answerFrom(zone[name] ?? 'NXDOMAIN', name, type)
    },
  }
}

function answerFrom(literal: Literal, name: string, type: RecordType): Answer {
  const server = '192.0.2.1:53'
  if (literal === 'SERVFAIL') {
    return { status: 'failed', tries: [{ server, code: 'SERVFAIL', text: 'answered SERVFAIL (UDP)' }] }
  }
  if (literal === 'NXDOMAIN' || literal === 'NODATA') {
    return { status: 'absent', kind: literal, ttl: 120, server }
  }
  const data = dataOf(literal, type)
  if (data.length === 0) return { status: 'absent', kind: 'NODATA', ttl: 120, server }
  return {
    status: 'found',
    records: data.map((one) => ({ name, type, ttl: 600, data: one })),
    ttl: 600,
    server,
  }
}

function dataOf(literal: Exclude<Literal, string>, type: RecordType): readonly unknown[] {
  if ('a' in literal) return type === 'A' ? literal.a : []
  if ('srv' in literal)
    return type === 'SRV' ? literal.srv.map((one) => ({ priority: 0, weight: 0, port: 389, ...one })) : []
  if (type !== 'CERT') return []
  return 'rdata' in literal ? literal.rdata : literal.map((der) => certRdata(der))
}

/** A network that has this resolver alone: no directory is reachable, no URL is followed. */
export function literalNetwork(resolver: Resolver): DiscoveryNetwork {
  return {
    resolver,
    ldap: { search: async () => ({ status: 'failed', text: 'there is no directory here', questions: [] }) },
    reach: async (host) => ({ status: 'absent', text: `${host} has no address` }),
    followUrl: null,
    certServer: () => null,
    askHost: () => resolver,
    certdns: createCertdnsHosts(),
    random: () => 0,
  }
}
