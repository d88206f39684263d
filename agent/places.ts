import { createResolver, type HostLookup, type Resolver } from '../dns/index.ts'
import { bindingOf, type Certificate } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
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

/** The hosted cert server that the configuration names for a domain, as a resolver that asks it alone (DISC-9). */
export function certServerFor(
  { certServers, dns }: Settings,
  lookup: HostLookup,
): (domain: string) => { readonly server: string; readonly resolver: Resolver } | null {
  return (domain) => {
    const server = certServers.get(domain)
    if (!server) return null
    const resolver = createResolver({ servers: [server], timeoutMs: dns.timeoutMs, lookup })
    return { server: `${server.host}:${server.port}`, resolver }
  }
}
