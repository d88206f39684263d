import type { Address } from '../../agent/address.ts'
import { askCertServer } from './cert-server.ts'
import { withinDeadline } from './deadline.ts'
import { findDirectories } from './directories.ts'
import { askDns } from './dns.ts'
import { askLdap } from './ldap.ts'
import type { DiscoveryNetwork, Place } from './types.ts'

/** The places of DISC-1 behind the configured one, each asked when it is pulled. Rejects only when the signal fires. */
export async function* askPlaces(
  address: Address,
  sources: DiscoveryNetwork,
  caller?: AbortSignal,
): AsyncGenerator<Place, void, void> {
  using search = withinDeadline(sources, `search ${address.key}`, caller)
  const { network, signal } = search
  yield await askDns('dns-address', address, network, signal)
  yield await askDns('dns-domain', address, network, signal)
  const directories = await findDirectories(address.domain, network, signal)
  yield await askLdap('ldap-address', address, directories, signal)
  yield await askLdap('ldap-domain', address, directories, signal)
  yield await askCertServer(address, network, signal)
}
