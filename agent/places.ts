import { type CertServer, createResolver, type HostLookup, type Reach } from '../dns/index.ts'
import { bindingOf, type Certificate } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import { DirectError } from './errors.ts'
import { reachable } from './fetch/target.ts'
import type { Settings } from './settings.ts'

/** The configured certificates that name `address` or its domain: the first place of DISC-1. Judged like any other. */
export function configuredFor(
  address: Address,
  configured: readonly { readonly origin: string; readonly certificate: Certificate }[],
  { subjectEmail }: Settings['legacy'],
): readonly { readonly origin: string; readonly der: Uint8Array }[] {
  return configured
    .filter(({ certificate }) => bindingOf(certificate, address, { subjectEmail }) !== null)
    .map(({ origin, certificate }) => ({ origin, der: certificate.der }))
}

/** The hosted cert server that the configuration names for a domain (DISC-9). Its host is its owner's choice. */
export function certServerFor(
  { certServers, dns }: Settings,
  lookup: HostLookup,
): (domain: string) => CertServer | null {
  return (domain) => {
    const server = certServers.get(domain)
    if (server?.protocol !== 'dns') return null
    const resolver = createResolver({ servers: [server], timeoutMs: dns.timeoutMs, lookup })
    return { kind: 'dns', server: `${server.host}:${server.port}`, resolver }
  }
}

/** NET for a host that a DNS answer named: which of its addresses may be dialled. */
export function createReach(lookup: HostLookup, allowPrivate: boolean): Reach {
  return async (host, signal = new AbortController().signal) => {
    try {
      const found = await reachable(host, lookup, allowPrivate, signal)
      return 'status' in found
        ? { status: found.status, text: found.why }
        : { status: 'ok', addresses: found }
    } catch (error) {
      if (!(error instanceof DirectError && error.code === 'DNS_UNREACHABLE')) throw error
      return { status: error.temporary ? 'failed' : 'absent', text: error.message }
    }
  }
}
