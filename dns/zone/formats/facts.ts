import type { SrvData } from '../../records/srv-record.ts'
import type { PublishedRecord } from '../published.ts'
import type { MxData, SoaData, ZoneRecord } from '../records.ts'
import { certBase64, recordLine } from './master.ts'

/** A record field by field, as a provider's form or a program takes it. */
export type ZoneRecordFacts = {
  /** Lower case, no trailing dot, not escaped. */
  readonly name: string
  readonly type: ZoneRecord['type']
  /** Seconds. */
  readonly ttl: number
  /** The domain or the address that it is for. */
  readonly for: string
  /** Of the certificate, lower-case hex; null where there is none. */
  readonly sha256: string | null
  readonly notAfter: Date | null
  /** The same as a line of a master file (RFC 1035 5.1). */
  readonly line: string
} & Partial<CertFields & MxData & SrvData & SoaData & { readonly target: string; readonly address: string }>

interface CertFields {
  /** RFC 4398 2.1: 1, PKIX. */
  readonly certType: number
  readonly keyTag: number
  readonly algorithm: number
  /** Base64. */
  readonly certificate: string
}

export function factsOf({ record, for: whom, certificate }: PublishedRecord): ZoneRecordFacts {
  return {
    name: record.name,
    type: record.type,
    ttl: record.ttl,
    for: whom,
    sha256: certificate?.sha256 ?? null,
    notAfter: certificate?.notAfter ?? null,
    ...fieldsOf(record),
    line: recordLine(record),
  }
}

/** One object a line. */
export function jsonText(records: readonly PublishedRecord[]): string {
  return records.map((one) => `${JSON.stringify(factsOf(one))}\n`).join('')
}

function fieldsOf(record: ZoneRecord) {
  switch (record.type) {
    case 'CERT':
      return {
        certType: record.data.readUInt16BE(0),
        keyTag: record.data.readUInt16BE(2),
        algorithm: record.data.readUInt8(4),
        certificate: certBase64(record.data),
      } satisfies CertFields
    case 'NS':
      return { target: record.data }
    case 'A':
    case 'AAAA':
      return { address: record.data }
    default:
      return record.data
  }
}
