import type { Address } from '../../agent/address.ts'
import type { DiscoveryNetwork, Place } from '../types.ts'
import { notAsked } from './not-asked.ts'

/** One place in the domain's own directory (DISC-7, DISC-8). */
export async function askLdap(
  place: 'ldap-address' | 'ldap-domain',
  address: Address,
  _network: DiscoveryNetwork,
  _signal: AbortSignal | undefined,
): Promise<Place> {
  return notAsked(place, address, 'looking in LDAP directories is not built yet')
}
