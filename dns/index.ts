/** Where certificates are found, and published. DER bytes out; who is believed is decided elsewhere. */
export { type CertRecord, encodeCertRecord, parseCertRecord } from './cert-record.ts'
export { discover, discoverDeciding, isDeciding, restNotAsked } from './discovery.ts'
export { createLookup, type HostLookup } from './lookup.ts'
export { addressOwner, isDnsName } from './names.ts'
export { createResolver, type ResolverOptions } from './resolver.ts'
export { type ServeOptions, type Serving, serveZone } from './serve.ts'
export type {
  Answer,
  AnswerRecord,
  DiscoverySources,
  FailedTry,
  HostPort,
  Place,
  PlaceName,
  RecordType,
  Resolver,
} from './types.ts'
export { type Zone, type ZoneEntry, zoneOf } from './zone.ts'
