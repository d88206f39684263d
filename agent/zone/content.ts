import {
  apexOfIdentity,
  nextSerial,
  ownerOfIdentity,
  type PublishedRecord,
  publishedRecords,
  type Zone,
  type ZoneEntry,
  zoneOf,
} from '../../dns/zone/index.ts'
import { parseDomain } from '../address.ts'
import { DirectError } from '../errors.ts'
import { unfitness } from '../publish/unfitness.ts'
import { own } from './own.ts'
import type { ZoneTools } from './tools.ts'

/** All that is to be published, of every domain of ours or of one. */
export interface ZoneContent {
  /** As directories hold it. */
  readonly entries: readonly ZoneEntry[]
  readonly zone: Zone
  readonly records: readonly PublishedRecord[]
  /** Certificates of ours that are not published, as far as their names fit into DNS. */
  readonly former: readonly ZoneEntry[]
  readonly addresses: readonly string[]
  /** What was left out and why. */
  readonly notes: readonly string[]
  /** The same of those whose names have others published. */
  readonly replaced: readonly string[]
}

/** Throws DirectError IDENTITY_MISSING, USAGE for a domain that is not among them, CONFIG_INVALID, LIMIT_EXCEEDED. */
export async function contentOf(domain: string | undefined, tools: ZoneTools): Promise<ZoneContent> {
  const ours = await own(tools)
  const unfit: string[] = []
  const fits = (check: (name: string) => string, entry: ZoneEntry): boolean => {
    const why = unfitness(check, entry.name)
    if (why !== null) unfit.push(why)
    return why === null
  }
  const carried = ours.published.filter((entry) => fits(apexOfIdentity, entry))
  const wanted = domain === undefined ? null : wantedDomain(domain, carried)
  const isWanted = (name: string) => wanted === null || apexOfIdentity(name) === wanted
  const entries = carried.filter(({ name }) => isWanted(name))
  const inDns = carried.filter((entry) => fits(ownerOfIdentity, entry))
  const zone = zoneOf(inDns, { ...tools.settings.publish, serial: nextSerial(null, tools.now()) })
  const former = ours.withheld.filter(({ name }) => unfitness(ownerOfIdentity, name) === null)
  return {
    entries,
    zone,
    records: publishedRecords(zone, inDns).filter((one) => wanted === null || one.domain === wanted),
    former: former.filter(({ name }) => isWanted(name)),
    addresses: ours.addresses,
    notes: [...ours.notes, ...new Set(unfit)],
    replaced: ours.replaced,
  }
}

function wantedDomain(text: string, entries: readonly ZoneEntry[]): string {
  const domains = new Set(entries.map(({ name }) => apexOfIdentity(name)))
  const domain = parseDomain(text)
  if (domain !== null && domains.has(domain)) return domain
  throw new DirectError('USAGE', `nothing is published for ${JSON.stringify(text.slice(0, 253))}`, {
    hint: `The domains of our certificates are: ${[...domains].join(', ')}.`,
  })
}
