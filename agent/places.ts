import { createResolver, type HostLookup, type Resolver } from '../dns/index.ts'
import { bindingOf, type Certificate } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import { DirectError } from './errors.ts'
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
export function createCertServerResolver(
  { certServers, dns }: Settings,
  lookup: HostLookup,
): (domain: string) => { readonly server: string; readonly resolver: Resolver } | null {
  return (domain) => {
    const server = certServers.get(domain)
    if (!server) return null
    return {
      server: `${server.host}:${server.port}`,
      resolver: {
        async resolve(name, type, options) {
          try {
            const hosts = await lookup(server.host, options?.signal)
            const servers = hosts.map((host) => ({ host, port: server.port }))
            return await createResolver({ servers, timeoutMs: dns.timeoutMs }).resolve(name, type, options)
          } catch (error) {
            // A server whose name cannot be resolved could not be asked: not known, never absent (DISC-6).
            if (!(error instanceof DirectError) || error.code !== 'DNS_UNREACHABLE') throw error
            return {
              status: 'failed',
              tries: [{ server: server.host, code: 'UNREACHABLE', text: error.message }],
            }
          }
        },
      },
    }
  }
}
