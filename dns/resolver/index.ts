/** Asking name servers, those too that a domain calls `certdns`. */

export { createCertdnsHosts } from '../places/certdns.ts'
export { type CertRecord, encodeCertRecord, parseCertRecord } from '../records/cert-record.ts'
export { type AnswerCacheOptions, createAnswerCache } from './cache.ts'
export { showServer } from './exchange.ts'
export { createLookup } from './lookup.ts'
export { noted } from './noted.ts'
export { createResolver, type ResolverOptions, systemServers } from './resolver.ts'
