import { basename } from 'node:path'
import type { MailServer } from '../../mailbox/index.ts'
import {
  AnchorSets,
  Certificate,
  type CertificatePolicy,
  parseCertificate,
  type RevocationMode,
} from '../../trust-anchors/index.ts'
import { type Address, parseAddress } from '../address.ts'
import type { ClassifyTools } from '../classify.ts'
import { DirectError } from '../errors.ts'
import type { OpenDecided } from './schema.ts'

/** What of the configuration a trace says beside the tools of a question. */
export interface DecidedSettings {
  readonly allowPrivate: boolean
  readonly revocation: RevocationMode
}

/** What configuration and trust have to say about these addresses, and no more of them. Throws what `tools.trust` does. */
export async function decidedFor(
  texts: readonly string[],
  from: Address | null,
  tools: ClassifyTools,
  { allowPrivate, revocation }: DecidedSettings,
  signal?: AbortSignal,
): Promise<OpenDecided> {
  const { sources, onlyIdentity, policies, legacy, tlsDomains } = tools
  const { anchors, pinned } = await tools.trust(signal)
  const addresses = [...new Map(addressesIn(texts).map((one) => [one.key, one])).values()]
  const domains = [...new Set(addresses.map(({ domain }) => domain))]
  return {
    network: sources.network !== null,
    allowPrivate,
    anchors: ders(anchors.outgoingFor(from, onlyIdentity)),
    missing: [...anchors.missingFor(from, onlyIdentity)],
    pins: addresses.flatMap((address) =>
      pinned(address).map(({ certificate, actor, until }) => ({
        address: address.key,
        certificate: certificate.der,
        actor,
        until,
      })),
    ),
    configured: addresses.flatMap((address) =>
      // The folders of a user's machine are nobody's business.
      sources
        .configured(address)
        .map(({ origin, der }) => ({ address: address.key, origin: basename(origin), certificate: der })),
    ),
    intermediates: ders(tools.intermediates.filter(mayComplete)),
    onlyIdentity,
    revocation,
    policy: policyOf(policies.encrypt),
    legacy: {
      sha1From: legacy.sha1From.filter((domain) => domains.includes(domain)),
      subjectEmail: legacy.subjectEmail,
    },
    followUrls: (sources.network?.followUrl ?? null) !== null,
    certServers: domains.flatMap((domain): OpenDecided['certServers'] => {
      const found = sources.network?.certServer(domain) ?? null
      if (found === null) return []
      const { server } = found
      if (found.kind === 'dns') return [{ kind: 'dns', domain, server }]
      const { host, port, secure } = found.ldap
      return [{ kind: 'ldap', domain, server, ldap: { host, port, secure } }]
    }),
    tlsDomains: domains.flatMap((domain) => {
      const server = tlsDomains.get(domain)
      return server === undefined ? [] : [{ domain, host: server.host, port: server.port }]
    }),
  }
}

/** The same as a question's tools, but for those that ask somebody. Throws TRACE_INVALID. */
export function toolsOf(
  decided: OpenDecided,
  tlsServers: ReadonlyMap<string, MailServer> | null,
): Omit<ClassifyTools, 'judge' | 'sources' | 'proveTls' | 'now'> & {
  readonly configured: ClassifyTools['sources']['configured']
} {
  const { onlyIdentity, policy, legacy, tlsDomains } = decided
  const certificates = decided.anchors.map(readCertificate)
  const anchors = new AnchorSets([
    { for: '*', direction: 'outgoing', certificates },
    ...decided.missing.map((missing) => ({
      for: '*',
      direction: 'outgoing' as const,
      certificates: [],
      missing,
    })),
  ])
  const pins = decided.pins.map((pin) => ({ ...pin, certificate: readCertificate(pin.certificate) }))
  const trust = {
    anchors,
    pinned: ({ key }: Address) => pins.filter(({ address }) => address === key),
    hasPins: pins.length > 0,
  }
  return {
    configured: ({ key }) =>
      decided.configured
        .filter(({ address }) => address === key)
        .map(({ origin, certificate }) => ({ origin, der: certificate })),
    trust: async () => trust,
    policies: policy === null ? {} : { encrypt: readPolicy(policy) },
    legacy,
    onlyIdentity,
    intermediates: decided.intermediates.map(readCertificate),
    tlsDomains: new Map(
      tlsDomains.map(({ domain, host, port }) => [
        domain,
        tlsServers?.get(domain) ?? { host, port, secure: false },
      ]),
    ),
  }
}

/** What is no address asks nobody and is decided by nothing. */
function addressesIn(texts: readonly string[]): readonly Address[] {
  return texts.flatMap((text) => {
    const address = parseAddress(text)
    return 'code' in address ? [] : [address]
  })
}

/** Not the certificates of other partners: they complete no path, and whom somebody writes to concerns nobody else. */
function mayComplete({ isCa, names: { rfc822, dns } }: Certificate): boolean {
  return isCa || rfc822.length + dns.length === 0
}

function policyOf(policy: ClassifyTools['policies']['encrypt']): OpenDecided['policy'] {
  if (policy === undefined) return null
  const { keyUsage, policies, minRsaBits, issuers } = policy
  return {
    ...(keyUsage && { keyUsage: [...keyUsage] }),
    ...(policies && { policies: [...policies] }),
    ...(minRsaBits !== undefined && { minRsaBits }),
    ...(issuers && { issuers: ders(issuers) }),
  }
}

function readPolicy({ issuers, ...rest }: NonNullable<OpenDecided['policy']>): CertificatePolicy {
  return { ...rest, ...(issuers && { issuers: issuers.map(readCertificate) }) }
}

function ders(certificates: readonly Certificate[]): Uint8Array[] {
  return certificates.map(({ der }) => der)
}

function readCertificate(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der)
  if (certificate instanceof Certificate) return certificate
  throw new DirectError('TRACE_INVALID', `a certificate in the trace cannot be read: ${certificate.text}`)
}
