/** Where certificates are found, and published. DER bytes out; who is believed is decided elsewhere. */

export { isSilence } from './answers.ts'
export { discover, discoverDeciding, restNotAsked } from './discovery.ts'
export { ExpiringMap, type ExpiringMapOptions } from './expiring-map.ts'
export { createLdapClient, type LdapClientOptions } from './ldap/client.ts'
export type * from './ldap/types.ts'
export { addressOwner } from './names.ts'
export { createCertdnsHosts } from './places/certdns.ts'
export type * from './places/types.ts'
export { type CertRecord, encodeCertRecord, parseCertRecord } from './records/cert-record.ts'
export type { SrvData } from './records/srv-record.ts'
export { type AnswerCache, type AnswerCacheOptions, createAnswerCache } from './resolver/cache.ts'
export { showServer } from './resolver/exchange.ts'
export { createLookup, type HostLookup } from './resolver/lookup.ts'
export { noted } from './resolver/noted.ts'
export { createResolver, type ResolverOptions, systemServers } from './resolver/resolver.ts'
export type * from './resolver/types.ts'
export { type ServeOptions, type Serving, serveZone } from './serve/serve.ts'
export type * from './types.ts'
export { checkZone, type ZoneCheck } from './zone/check/check.ts'
export type { CheckNetwork } from './zone/check/gather.ts'
export type {
  CheckedRecord,
  CheckedServer,
  RecordStatus,
  ServerRole,
  ServerView,
} from './zone/check/types.ts'
export { bindText } from './zone/formats/bind.ts'
export { factsOf, jsonText, type ZoneRecordFacts } from './zone/formats/facts.ts'
export { ldifText } from './zone/formats/ldif.ts'
export { linesText } from './zone/formats/lines.ts'
export { apexOfIdentity, ownerOfIdentity } from './zone/owner.ts'
export { type PublishedRecord, publishedRecords } from './zone/published.ts'
export {
  hostOf,
  isAddress,
  type MxData,
  type SoaData,
  type ZoneRecord,
} from './zone/records.ts'
export { nextSerial } from './zone/serial.ts'
export {
  apexOf,
  delegationsBelow,
  hostsWithoutAddress,
  type Zone,
  type ZoneEntry,
  type ZoneOptions,
  zoneOf,
} from './zone/zone.ts'
