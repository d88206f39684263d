import { setTimeout as pause } from 'node:timers/promises'
import type { HostPort } from '../../dns/index.ts'
import { apexOfIdentity, nextSerial, ownerOfIdentity, type Zone, zoneOf } from '../../dns/zone/index.ts'
import { DirectError } from '../errors.ts'
import type { Log } from '../log.ts'
import { logFailure } from '../run/failures.ts'
import type { PublishSettings } from '../settings.ts'
import { hostNotes } from './notes.ts'
import type { PublishSource } from './source.ts'
import { unfitness } from './unfitness.ts'

export interface PublicationTools {
  readonly source: PublishSource
  readonly publish: PublishSettings
  /** Where the zones are answered. Port 0: one that is free. */
  readonly listen: HostPort
  /** The time that certificates are judged by. */
  readonly at: () => Date
  /** The clock on the wall, for serials. */
  readonly now: () => Date
  readonly log: Log
}

/** A look at the files every so often; a renewal is visible to strangers after that, and what they hold for its TTL. */
const LOOK_MS = 3000
/** What the log calls this. */
export const LOOP = 'publish'

/**
 * What is published now. It follows its source and the clock: what expires leaves, what becomes valid enters. What
 * cannot be read leaves all as it was; each trouble is told once, until it is another.
 */
export class Publication {
  readonly #tools: PublicationTools
  #content: Content
  #told: ReadonlySet<string> = new Set()

  private constructor(tools: PublicationTools, content: Content) {
    this.#tools = tools
    this.#content = content
    this.#tell(content.notes)
  }

  /** Throws DirectError where its source does, and as `zoneOf`. */
  static async of(tools: PublicationTools): Promise<Publication> {
    return new Publication(tools, await contentOf(tools, null))
  }

  get zone(): Zone {
    return this.#content.zone
  }

  /** Looks for changes until `signal` aborts. */
  async follow(signal: AbortSignal, everyMs = LOOK_MS): Promise<void> {
    while (!signal.aborted) {
      await pause(everyMs, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await this.refresh()
    }
  }

  /** Looks once. What goes wrong is logged. */
  async refresh(): Promise<void> {
    const { log } = this.#tools
    try {
      const before = this.#content
      this.#content = await contentOf(this.#tools, before)
      const { zone, notes } = this.#content
      if (zone !== before.zone)
        log.info({ loop: LOOP, serial: zone.serial }, `published anew: ${summary(zone)}`)
      this.#tell(notes)
    } catch (error) {
      if (error instanceof DirectError) this.#tell([`${error.message}; what was published before stays`])
      else logFailure(LOOP, error, log)
    }
  }

  #tell(notes: readonly string[]): void {
    for (const note of notes) if (!this.#told.has(note)) this.#tools.log.warn({ loop: LOOP }, note)
    this.#told = new Set(notes)
  }
}

/** For people: how much there is. */
export function summary(zone: Zone): string {
  const certificates = zone.records.filter(({ type }) => type === 'CERT').length
  return `${certificates} ${certificates === 1 ? 'certificate' : 'certificates'} in ${[...zone.apexes].join(', ')}, serial ${zone.serial}`
}

interface Content {
  readonly zone: Zone
  /** Names and certificates: the same for the same content. */
  readonly published: string
  readonly notes: readonly string[]
}

async function contentOf(
  { source, publish, listen, at, now }: PublicationTools,
  before: Content | null,
): Promise<Content> {
  const { names, certificates, notes } = await source(at())
  // One name that DNS cannot carry keeps no other from being published.
  const all = new Set([...names, ...certificates.map(({ name }) => name)])
  const unfit = new Map([...all].map((name) => [name, whyNot(name)]))
  const carried = names.filter((name) => unfit.get(name) === null)
  const entries = certificates.filter(({ name }) => unfit.get(name) === null)
  const published = [
    ...carried,
    ...entries.map(({ name, certificate }) => `${name} ${certificate.sha256}`),
  ].join('\n')
  const ders = entries.map(({ name, certificate }) => ({ name, der: certificate.der }))
  const serial = () => nextSerial(before?.zone.serial ?? null, now())
  const isSame = before?.published === published
  const zone = isSame ? before.zone : zoneOf(ders, { ...publish, also: carried, serial: serial() })
  const filled = new Set(entries.map((entry) => entry.for))
  return {
    zone,
    published,
    notes: [
      ...notes,
      ...[...unfit.values()].filter((why) => why !== null),
      ...carried.filter((name) => !filled.has(name)).map(emptyNote),
      ...hostNotes(zone, publish, listen),
    ],
  }
}

function emptyNote(name: string): string {
  return `nothing is published for ${name}: no certificate of it can be encrypted to now ("direct cert list" says why)`
}

/** Null: DNS carries it. */
function whyNot(name: string): string | null {
  return unfitness(apexOfIdentity, name) ?? unfitness(ownerOfIdentity, name)
}
