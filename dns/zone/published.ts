import { createHash, X509Certificate } from 'node:crypto'
import { parseCertRecord } from '../records/cert-record.ts'
import { ownerOfIdentity } from './owner.ts'
import type { ZoneRecord } from './records.ts'
import { apexOf, type Zone, type ZoneEntry } from './zone.ts'

/** One record of ours, with what people ask about it. */
export interface PublishedRecord {
  readonly record: ZoneRecord
  /** The domain whose zone it belongs to. */
  readonly domain: string
  /** The domain or the address that it is for; seldom two, which share a name and a certificate. */
  readonly for: string
  /** Of CERT. */
  readonly certificate: PublishedCertificate | null
}

export interface PublishedCertificate {
  readonly der: Uint8Array
  /** Lower-case hex. */
  readonly sha256: string
  readonly notAfter: Date
}

/** Every record of the zones, in their order, and for whom it is. */
export function publishedRecords(zone: Zone, entries: readonly ZoneEntry[]): readonly PublishedRecord[] {
  const owners = Map.groupBy(entries, (entry) => keyOf(ownerOfIdentity(entry.name), entry.der))
  return zone.records.map((record) => {
    const domain = apexOf(zone, record.name) ?? record.name
    if (record.type !== 'CERT') return { record, domain, for: domain, certificate: null }
    const { der, ...certificate } = certificateIn(record.data)
    const names = new Set(owners.get(keyOf(record.name, der))?.map(({ name }) => name))
    return { record, domain, for: [...names].join(', '), certificate: { der, ...certificate } }
  })
}

export function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex')
}

function keyOf(owner: string, der: Uint8Array): string {
  return `${owner} ${fingerprint(der)}`
}

/** `zoneOf` has read the certificate before, so it can be read. */
function certificateIn(rdata: Buffer): PublishedCertificate {
  const record = parseCertRecord(rdata)
  if (record.kind !== 'pkix') throw new TypeError('a zone of ours holds PKIX records alone')
  const der = record.certificate
  return { der, sha256: fingerprint(der), notAfter: new X509Certificate(der).validToDate }
}
