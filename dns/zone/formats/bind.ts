import type { PublishedRecord } from '../published.ts'
import { hostOf } from '../records.ts'
import { certBase64, certHead, recordHead, recordLine } from './master.ts'

/** Of base64: comfortable in any editor. */
const LINE = /.{1,64}/g

/**
 * A zone file's part (RFC 1035 5.1), to be pasted or included: for each domain a heading, for each certificate whom it is
 * for and until when. Owners are absolute, so that `$ORIGIN` does not matter. `addressless`: hosts of ours whose address is
 * not among the records.
 */
export function bindText(records: readonly PublishedRecord[], addressless: readonly string[]): string {
  const domains = Map.groupBy(records, ({ domain }) => domain)
  return [...domains].map(([domain, its]) => section(domain, its, new Set(addressless))).join('\n')
}

function section(
  domain: string,
  records: readonly PublishedRecord[],
  addressless: ReadonlySet<string>,
): string {
  const isWhole = records.some(({ record }) => record.type === 'SOA')
  const place = isWhole
    ? `the whole zone ${domain}`
    : `for the zone of ${domain}; raise the SOA's serial after each change`
  return [`; ${place}`, ...records.flatMap((one) => entry(one, addressless)), ''].join('\n')
}

function entry(
  { record, for: whom, certificate }: PublishedRecord,
  addressless: ReadonlySet<string>,
): readonly string[] {
  if (record.type === 'CERT' && certificate !== null) {
    const until = certificate.notAfter.toISOString().slice(0, 10)
    const base64 = certBase64(record.data).match(LINE) ?? []
    return [
      '',
      `; ${whom}, until ${until}, SHA-256 ${certificate.sha256}`,
      `${recordHead(record)} ${certHead(record.data)} (`,
      ...base64.map((line) => `  ${line}`),
      '  )',
    ]
  }
  const heading = record.type === 'SRV' ? ['', `; the directory that has the certificates of ${whom}`] : []
  const host = hostOf(record)
  const isMissing = host !== null && addressless.has(host)
  const missing = isMissing ? [`; ${host} needs an A or AAAA record in its zone`] : []
  return [...heading, ...missing, recordLine(record)]
}
