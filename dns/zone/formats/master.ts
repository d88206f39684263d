import type { ZoneRecord } from '../records.ts'

/** RFC 4398 2: type (by its mnemonic), key tag and algorithm; the certificate follows. */
const CERT_HEADER = 5

/** A record on one line of a master file (RFC 1035 5.1), owner and names absolute. */
export function recordLine(record: ZoneRecord): string {
  return `${recordHead(record)} ${recordData(record)}`
}

/** Owner, TTL, class and type. */
export function recordHead({ name, ttl, type }: ZoneRecord): string {
  return `${masterName(name)} ${ttl} IN ${type}`
}

/** What a CERT record says before its certificate. */
export function certHead(rdata: Buffer): string {
  return `PKIX ${rdata.readUInt16BE(2)} ${rdata.readUInt8(4)}`
}

/** The certificate of a CERT record, in base64. */
export function certBase64(rdata: Buffer): string {
  return rdata.toString('base64', CERT_HEADER)
}

/** An absolute name: what master files read as something else is escaped (RFC 1035 5.1). */
export function masterName(name: string): string {
  const escaped = name.replace(/["();@$\\]/g, '\\$&')
  return `${escaped}.`
}

function recordData(record: ZoneRecord): string {
  switch (record.type) {
    case 'CERT':
      return `${certHead(record.data)} ${certBase64(record.data)}`
    case 'SRV': {
      const { priority, weight, port, target } = record.data
      return `${priority} ${weight} ${port} ${masterName(target)}`
    }
    case 'MX':
      return `${record.data.preference} ${masterName(record.data.exchange)}`
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = record.data
      return `${masterName(mname)} ${masterName(rname)} ${serial} ${refresh} ${retry} ${expire} ${minimum}`
    }
    case 'NS':
      return masterName(record.data)
    default:
      return record.data
  }
}
