import type { HostPort } from '../dns/index.ts'
import { type Serving, serveZone } from '../dns/serve/index.ts'
import { silent } from './log.ts'
import type { AgentOptions } from './options.ts'
import { loadPolicies } from './policies.ts'
import { LOOP, Publication, type PublicationTools, summary } from './publish/publication.ts'
import { certificateFiles, nothingToPublish } from './publish/source.ts'
import type { Settings } from './settings.ts'

/** Where certificates are published by DNS, and until when. */
export interface PublishOptions {
  /** Port 0: one that is free for UDP and TCP. */
  readonly listen: HostPort
  /** Ends it. */
  readonly signal: AbortSignal
}

/** A DNS server that publishes certificates. */
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
  const { now = () => new Date(), at, log = silent, listen, signal } = options
  const { own = {} } = await loadPolicies(settings.certificatePolicy)
  const source = certificateFiles(settings, own)
  const tools = { source, publish: settings.publish, listen, at: at ? () => at : now, now, log }
  const publication = await Publication.of(tools)
  // Of what is there, the log has told already why not.
  if (!publication.zone.records.some(({ type }) => type === 'CERT')) throw nothingToPublish([])
  return serve(publication, tools, signal)
}

/** The same from another source, and of nothing as well: the daemon waits for a certificate as for a renewal. */
export async function servePublished(
  tools: PublicationTools,
  signal: AbortSignal,
): Promise<ServingCertificates> {
  const publication = await Publication.of(tools)
  const serving = await serve(publication, tools, signal)
  const { zone } = publication
  tools.log.info(
    { loop: LOOP, listen: serving.address, serial: zone.serial },
    `answering DNS: ${summary(zone)}`,
  )
  return serving
}

async function serve(
  publication: Publication,
  { listen, log }: PublicationTools,
  signal: AbortSignal,
): Promise<ServingCertificates> {
  const warn = (text: string) => log.warn({ loop: LOOP }, text)
  const serving = await serveZone({ listen, signal, zone: () => publication.zone, tell: warn })
  const closed = Promise.all([serving.closed, publication.follow(signal)]).then(() => undefined)
  const { zone } = publication
  return { address: serving.address, closed, zones: [...zone.apexes], serial: zone.serial }
}
