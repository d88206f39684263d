import { namesWithoutAddress, type Serving, serveZone, type Zone } from '../dns/index.ts'
import { DirectError } from './errors.ts'
import { silent } from './log.ts'
import type { AgentOptions } from './options.ts'
import { loadPolicies } from './policies.ts'
import { LOOP, Publication, type PublicationTools, summary } from './publish/publication.ts'
import { certificateFiles } from './publish/source.ts'
import type { HostPort, PublishSettings, Settings } from './settings.ts'

export interface PublishOptions {
  /** Port 0: one that is free for UDP and TCP. */
  readonly listen: HostPort
  /** Ends it. */
  readonly signal: AbortSignal
}

export interface ServingCertificates extends Serving {
  /** The domains answered for at the start. */
  readonly zones: readonly string[]
  /** Of every SOA at the start. */
  readonly serial: number
}

/**
 * Serves the certificates that others may encrypt to, each under its identity's name, and follows their files and the
 * clock. Needs no private key. Throws IDENTITY_MISSING when there is none now, LISTEN_FAILED, and as `zoneOf`.
 */
export async function publish(
  settings: Settings,
  options: AgentOptions & PublishOptions,
): Promise<ServingCertificates> {
  const { now = () => new Date(), at, log = silent } = options
  const { own = {} } = await loadPolicies(settings.certificatePolicy)
  const source = certificateFiles(settings, own)
  const tools = { source, publish: settings.publish, at: at ? () => at : now, now, log }
  const publication = await Publication.of(tools)
  if (!publication.zone.records.some(({ type }) => type === 'CERT'))
    throw new DirectError(
      'IDENTITY_MISSING',
      'no identity has a certificate that others could encrypt to now',
      {
        hint: 'Add an identity with a valid certificate; "direct init" makes one.',
      },
    )
  return serve(publication, tools, options)
}

/** The same from another source, and of nothing as well: the daemon waits for a certificate as for a renewal. */
export async function servePublished(
  tools: PublicationTools,
  options: PublishOptions,
): Promise<ServingCertificates> {
  const publication = await Publication.of(tools)
  const serving = await serve(publication, tools, options)
  const { zone } = publication
  tools.log.info(
    { loop: LOOP, listen: serving.address, serial: zone.serial },
    `answering DNS: ${summary(zone)}`,
  )
  return serving
}

async function serve(
  publication: Publication,
  { publish, log }: PublicationTools,
  { listen, signal }: PublishOptions,
): Promise<ServingCertificates> {
  const warn = (text: string) => log.warn({ loop: LOOP }, text)
  const serving = await serveZone({ listen, signal, zone: () => publication.zone, tell: warn })
  const { zone } = publication
  const { address } = serving
  for (const name of homeless(zone, publish, address.port)) warn(homelessNote(name))
  const closed = Promise.all([serving.closed, publication.follow(signal)]).then(() => undefined)
  return { address, closed, zones: [...zone.apexes], serial: zone.serial }
}

/**
 * Hosts that strangers will look for here in vain. `ns.<domain>`, which stands in where none is named, counts at port 53
 * alone: nobody delegates to another.
 */
function homeless(
  zone: Zone,
  { nameServers, directories }: PublishSettings,
  port: number,
): readonly string[] {
  const isNamed = (name: string) =>
    [...nameServers.map((one) => one.name), ...directories.map(({ host }) => host)].includes(name)
  return namesWithoutAddress(zone).filter((name) => port === 53 || isNamed(name))
}

function homelessNote(name: string): string {
  return `${name} lies in a domain that is answered here, and has no address here, so strangers cannot reach it: name it with its addresses in publish.nameServers, or a host of another domain`
}
