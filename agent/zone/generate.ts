import { chmod, lstat, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  apexOf,
  bindText,
  delegationsBelow,
  factsOf,
  hostOf,
  hostsWithoutAddress,
  jsonText,
  ldifText,
  linesText,
  type PublishedRecord,
} from '../../dns/zone/index.ts'
import { DirectError } from '../errors.ts'
import { replaceFile } from '../files/durable-file.ts'
import { mailNotes, nameServerNotes } from '../publish/notes.ts'
import { contentOf, type ZoneContent } from './content.ts'
import type { ZoneTools } from './tools.ts'
import type { GeneratedZone, ZoneFormat, ZoneOptions } from './types.ts'

/** See `ZoneAdministration.generate`. */
export async function generate(
  { domain, format = 'bind', wholeZone = false, out }: ZoneOptions,
  tools: ZoneTools,
): Promise<GeneratedZone> {
  const content = await contentOf(domain, tools)
  if (wholeZone) requireWhole(content, format)
  if (format !== 'ldif') requireRecords(content)
  const records = wholeZone ? wholeOf(content) : content.records.filter(belongsIntoAnyZone)
  const addressless = addresslessAmong(records, content, wholeZone)
  const { zone } = content
  const text = textOf(format, records, content, addressless)
  return {
    records: records.map(factsOf),
    text,
    notes: [
      ...content.notes,
      ...content.replaced,
      ...addressless.flatMap((name) => addresslessNote(name, content, { wholeZone, format })),
      ...(wholeZone
        ? mailNotes(zone, [...new Set(records.map((one) => one.domain))])
        : nameServerNotes(zone, tools.settings.publish)),
      ...(out === undefined ? [] : await write(out, text)),
    ],
  }
}

/** A sentence where `out` was a link. */
async function write(out: string, text: string): Promise<readonly string[]> {
  // Nothing there, or nothing that may be looked at: writing tells what is wrong with that.
  const [named, led] = await Promise.all([lstat(out).catch(() => null), stat(out).catch(() => null)])
  if (led?.isDirectory())
    throw new DirectError('FILE_UNWRITABLE', `${out} is a folder`, {
      hint: `Name a file in it, such as ${join(out, 'direct.certs')}.`,
    })
  await replaceFile(out, [Buffer.from(text)])
  // A name server of another user reads it, and nothing in it is secret.
  await chmod(out, 0o644)
  return named?.isSymbolicLink() ? [`${out} was a link and is a file now; what it led to is as it was`] : []
}

/** A zone that exists already has its own SOA, NS and MX records, and the addresses of its hosts. */
function belongsIntoAnyZone({ record }: PublishedRecord): boolean {
  return record.type === 'CERT' || record.type === 'SRV'
}

/** A zone that stands alone says where those of ours below it are answered. */
function wholeOf({ zone, records }: ZoneContent): readonly PublishedRecord[] {
  const domain = records[0]?.domain
  if (domain === undefined) return records
  const below = delegationsBelow(zone, domain).map((record) => {
    const child = apexOf(zone, record.name) ?? record.name
    return { record, domain, for: child, certificate: null }
  })
  const afterNs = records.findLastIndex(({ record }) => record.type === 'NS') + 1
  return records.toSpliced(afterNs, 0, ...below)
}

function textOf(
  format: ZoneFormat,
  records: readonly PublishedRecord[],
  content: ZoneContent,
  addressless: readonly string[],
): string {
  switch (format) {
    case 'bind':
      return bindText(records, addressless)
    case 'lines':
      return linesText(records)
    case 'json':
      return jsonText(records)
    case 'ldif':
      return ldifText(content.entries, records)
  }
}

/** Every one of our names may be one that DNS cannot carry. */
function requireRecords({ records, notes }: ZoneContent): void {
  if (records.some(({ record }) => record.type === 'CERT')) return
  throw new DirectError('CONFIG_INVALID', 'none of our certificates can be published in DNS', {
    hint: [...notes, 'A directory can hold them: --format ldif.'].join('\n'),
  })
}

/** A zone without a name server that has an address is loaded by no name server. */
function requireWhole({ zone, records }: ZoneContent, format: ZoneFormat): void {
  if (format === 'ldif')
    throw new DirectError('USAGE', 'a directory has no zone', {
      hint: 'Leave out --whole-zone, or --format ldif.',
    })
  const domains = new Set(records.map((one) => one.domain))
  if (domains.size > 1)
    throw new DirectError('USAGE', `a whole zone is of one domain, and there are ${domains.size}`, {
      hint: `Choose one: --domain ${[...domains].join(', or --domain ')}.`,
    })
  const servers = new Set(records.flatMap(({ record }) => (record.type === 'NS' ? [record.data] : [])))
  const [addressless] = hostsWithoutAddress(zone).filter((name) => servers.has(name))
  if (addressless === undefined) return
  throw new DirectError('CONFIG_INVALID', `the name server ${addressless} has no address`, {
    hint: `Say who answers for the zone: publish: { nameServers: [${addressless}], addresses: { ${addressless}: [ITS IP ADDRESS] } }. Without --whole-zone the records are for a zone that exists already.`,
  })
}

/** Hosts of ours that the records lead to, and whose address is not written. */
function addresslessAmong(
  records: readonly PublishedRecord[],
  { zone }: ZoneContent,
  wholeZone: boolean,
): readonly string[] {
  const hosts = new Set(records.flatMap(({ record }) => hostOf(record) ?? []))
  const nowhere = new Set(hostsWithoutAddress(zone))
  return [...hosts].filter((name) => (wholeZone ? nowhere.has(name) : apexOf(zone, name) !== null))
}

/** Of a host whose address is configured, who writes it is told beside a part of a zone, which does not. */
function addresslessNote(
  name: string,
  { zone }: ZoneContent,
  { wholeZone, format }: { readonly wholeZone: boolean; readonly format: ZoneFormat },
): readonly string[] {
  const apex = apexOf(zone, name)
  if (hostsWithoutAddress(zone).includes(name)) {
    const way = wholeZone ? ': name its addresses in publish.addresses' : ', beside the SRV record'
    return [`${name} needs an A or AAAA record in the zone of ${apex}${way}`]
  }
  if (format === 'ldif') return []
  return [
    `the zone of ${apex} must hold the address of ${name} too: --whole-zone and "direct certs serve" write it from publish.addresses`,
  ]
}
