import type { Address } from '../../agent/address.ts'
import { isDnsName } from '../names.ts'
import type { Answer, CertServer, DiscoveryNetwork, Place, Resolver } from '../types.ts'
import { HOUR } from './directories.ts'
import { Directory } from './directory.ts'
import { addressOwners, askOwners } from './dns.ts'
import { addressMails, askDirectories } from './ldap.ts'

/** Seconds for which it holds that there is no `certdns` host: as long as a negative answer may (DISC-11). */
const NO_HOST = 300

/** The hosted cert server: the one that the configuration names for the domain, else `certdns.<domain>` (DISC-9). */
export function askCertServer(
  address: Address,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const configured = network.certServer(address.domain)
  return configured === null
    ? askCertdns(address, network, signal)
    : askConfigured(address, configured, network, signal)
}

async function askConfigured(
  address: Address,
  configured: CertServer,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const { server } = configured
  if (configured.kind === 'dns') {
    const asking = { resolver: configured.resolver, followUrl: network.followUrl }
    return { ...(await askOwners('cert-server', owners(address), asking, signal)), owner: server }
  }
  const directory = new Directory(configured.ldap, { ldap: network.ldap, reach: configured.reach })
  const directories = { status: 'found', servers: [directory], notes: [], questions: [], ttl: HOUR } as const
  const mails = [...addressMails(address), address.domain]
  return {
    ...(await askDirectories('cert-server', mails, address.domain, directories, signal)),
    owner: server,
  }
}

/** Open Dental's way: the host of that name, where there is one, asked at port 53 for the address and the domain. */
async function askCertdns(
  address: Address,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const name = `certdns.${address.domain}`
  const nothing = { place: 'cert-server', owner: name, certificates: [], unread: [], questions: [] } as const
  const absent = (note: string): Place => ({ ...nothing, status: 'absent', notes: [note], ttl: NO_HOST })
  if (!isDnsName(name))
    return absent(`${name} was not asked for: a name over 253 characters does not fit DNS`)
  const reached = await network.reach(name, signal)
  switch (reached.status) {
    case 'absent':
      return absent(`there is no ${name}`)
    case 'failed':
      return { ...nothing, status: 'failed', notes: [reached.text], ttl: 0 }
    case 'refused':
      if (await isWildcard(address.domain, null, network, signal)) return absent(noCertServer(name))
      return { ...nothing, status: 'failed', refusedBy: 'guard', notes: [reached.text], ttl: 0 }
    case 'ok':
      break
  }
  const { addresses } = reached
  const watched = watch(network.askHost({ name, addresses }))
  const asking = { resolver: watched.resolver, followUrl: network.followUrl }
  const place = { ...(await askOwners('cert-server', owners(address), asking, signal)), owner: name }
  if (place.status !== 'failed' || !watched.silent()) return place
  if (!(await isWildcard(address.domain, addresses, network, signal))) return place
  return { ...place, status: 'absent', notes: [noCertServer(name), ...place.notes], ttl: NO_HOST }
}

/** What a cert server is asked for, address before domain; both are one place. */
function owners(address: Address): readonly string[] {
  return [...addressOwners(address), address.domain]
}

function noCertServer(name: string): string {
  return `${name} has an address only as every name of its domain has, and no name server is there: it is no cert server`
}

/**
 * Whether the domain answers for any name, by a wildcard that leads to the same addresses; `addresses` null: to such as
 * NET forbids as well.
 */
async function isWildcard(
  domain: string,
  addresses: readonly string[] | null,
  { reach, random }: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const label = `no-such-host-${Math.floor(random() * 36 ** 8).toString(36)}`
  const name = `${label}.${domain}`
  const probed = isDnsName(name) ? await reach(name, signal) : null
  if (addresses === null) return probed?.status === 'refused'
  return probed?.status === 'ok' && probed.addresses.some((one) => addresses.includes(one))
}

/** Tells whether nobody was there at the last question: a server that answers, however badly, is one. */
function watch(resolver: Resolver): { readonly resolver: Resolver; silent(): boolean } {
  let last: Answer | null = null
  return {
    resolver: {
      async resolve(name, type, options) {
        last = await resolver.resolve(name, type, options)
        return last
      },
    },
    silent: () =>
      last?.status === 'failed' &&
      last.tries.every(({ code }) => code === 'TIMEOUT' || code === 'UNREACHABLE'),
  }
}
