import type { Address } from '../../agent/address.ts'
import type { DiscoveryNetwork, Place } from '../types.ts'
import { addressOwners, askOwners } from './dns.ts'
import { notAsked } from './not-asked.ts'

/** The hosted cert server: the one that the configuration names for the domain (DISC-9). */
export async function askCertServer(
  address: Address,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const certServer = network.certServer(address.domain)
  if (certServer?.kind !== 'dns')
    return notAsked('cert-server', address, `no cert server is configured for ${address.domain}`)
  const owners = [...addressOwners(address), address.domain]
  const asking = { resolver: certServer.resolver, followUrl: network.followUrl }
  return { ...(await askOwners('cert-server', owners, asking, signal)), owner: certServer.server }
}
