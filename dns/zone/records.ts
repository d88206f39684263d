import type { SrvData } from '../records/srv-record.ts'

/** One record; `name` and the names in `data` are canonical: lower case, absolute, without the trailing dot. Class IN. */
export type ZoneRecord = {
  readonly name: string
  /** Seconds. */
  readonly ttl: number
} & (
  | { readonly type: 'SOA'; readonly data: SoaData }
  | { readonly type: 'NS'; readonly data: string }
  /** An IP address as text. */
  | { readonly type: 'A' | 'AAAA'; readonly data: string }
  | { readonly type: 'MX'; readonly data: MxData }
  | { readonly type: 'SRV'; readonly data: SrvData }
  /** The RDATA of RFC 4398 2: type, key tag, algorithm, certificate. */
  | { readonly type: 'CERT'; readonly data: Buffer }
)

/** RFC 1035 3.3.13; the times are seconds. */
export interface SoaData {
  readonly mname: string
  readonly rname: string
  readonly serial: number
  readonly refresh: number
  readonly retry: number
  readonly expire: number
  readonly minimum: number
}

/** RFC 1035 3.3.9: the lowest preference is tried first. */
export interface MxData {
  readonly preference: number
  readonly exchange: string
}

/** The host that a record leads to, whose address is the next question; null: to none. */
export function hostOf(record: ZoneRecord): string | null {
  switch (record.type) {
    case 'NS':
      return record.data
    case 'MX':
      return record.data.exchange
    case 'SRV':
      return record.data.target
    default:
      return null
  }
}

export function isAddress({ type }: { readonly type: string }): boolean {
  return type === 'A' || type === 'AAAA'
}
