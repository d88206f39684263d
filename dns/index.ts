/** Where certificates are found. DER bytes out; who is believed is decided elsewhere. */

export { isSilence } from './answers.ts'
export { discover, discoverDeciding, restNotAsked } from './discovery.ts'
export { ExpiringMap } from './expiring-map.ts'
export type * from './ldap/types.ts'
export { addressOwner } from './names.ts'
export type * from './places/types.ts'
export type { AnswerCache } from './resolver/cache.ts'
export type { HostLookup } from './resolver/lookup.ts'
export type * from './resolver/types.ts'
export type * from './types.ts'
