import type { Address } from '../../agent/address.ts'
import { DAY } from '../lifetimes.ts'
import { addressOwner } from '../names.ts'
import type { Place, PlaceName } from './types.ts'

/** A place that nobody was asked about, and why. */
export function notAsked(place: PlaceName, address: Address, note: string): Place {
  const ofDomain = place === 'dns-domain' || place === 'ldap-domain' || place === 'cert-server'
  const ofDnsAddress = place === 'dns-address' ? addressOwner(address) : address.key
  return {
    place,
    owner: ofDomain ? address.domain : ofDnsAddress,
    status: 'not-asked',
    certificates: [],
    unread: [],
    notes: [note],
    ttl: DAY,
    questions: [],
  }
}
