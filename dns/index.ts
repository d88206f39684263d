/** Where certificates are found, and published. DER bytes out; who is believed is decided elsewhere. */

export { discover, discoverDeciding, isDeciding, restNotAsked } from './discovery.ts'
export { ExpiringMap, type ExpiringMapOptions } from './expiring-map.ts'
export { createLdapClient, type LdapClientOptions } from './ldap/client.ts'
export { addressOwner, isDnsName } from './names.ts'
export { type CertRecord, encodeCertRecord, parseCertRecord } from './records/cert-record.ts'
export { type AnswerCache, type AnswerCacheOptions, createAnswerCache } from './resolver/cache.ts'
export { createLookup, type HostLookup } from './resolver/lookup.ts'
export { createResolver, type ResolverOptions } from './resolver/resolver.ts'
export { type ServeOptions, type Serving, serveZone } from './serve/serve.ts'
export type * from './types.ts'
export { nextSerial } from './zone/serial.ts'
export {
  apexOf,
  namesWithoutAddress,
  type SoaData,
  type SrvData,
  type Zone,
  type ZoneEntry,
  type ZoneOptions,
  type ZoneRecord,
  zoneOf,
} from './zone/zone.ts'
