import { chmod } from 'node:fs/promises'
import {
  apexOf,
  bindText,
  factsOf,
  jsonText,
  ldifText,
  linesText,
  namesWithoutAddress,
  type PublishedRecord,
} from '../../dns/index.ts'
import { replaceFile } from '../deliver.ts'
import { DirectError } from '../errors.ts'
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
  const records = content.records.filter(({ record }) => wholeZone || isOurs(record.type))
  const generated = {
    records: records.map(factsOf),
    text: textOf(format, records, content),
    notes: [...content.notes, ...addresslessNotes(records, content)],
  }
  if (out !== undefined) {
    await replaceFile(out, [Buffer.from(generated.text)])
    // A name server of another user reads it, and nothing in it is secret.
    await chmod(out, 0o644)
  }
  return generated
}

/** What belongs into a zone that exists already. */
function isOurs(type: PublishedRecord['record']['type']): boolean {
  return type === 'CERT' || type === 'SRV'
}

function textOf(format: ZoneFormat, records: readonly PublishedRecord[], content: ZoneContent): string {
  switch (format) {
    case 'bind':
      return bindText(records, namesWithoutAddress(content.zone))
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
  const [addressless] = namesWithoutAddress(zone).filter((name) => servers.has(name))
  if (addressless === undefined) return
  throw new DirectError('CONFIG_INVALID', `publish.nameServers: ${addressless} has no address`, {
    hint: `Say who answers for the zone: publish: { nameServers: [{ name: ${addressless}, addresses: [ITS IP ADDRESS] }] }. Without --whole-zone the records are for a zone that exists already.`,
  })
}

function addresslessNotes(records: readonly PublishedRecord[], { zone }: ZoneContent): readonly string[] {
  const targets = records.flatMap(({ record }) => (record.type === 'SRV' ? [record.data.target] : []))
  const addressless = new Set(namesWithoutAddress(zone))
  return [...new Set(targets)]
    .filter((name) => addressless.has(name))
    .map(
      (name) =>
        `${name} needs an A or AAAA record in the zone of ${apexOf(zone, name)}, beside the SRV record`,
    )
}
