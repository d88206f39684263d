import type { Store } from '../store/index.ts'
import { type Log, onOneLine, silent } from './log.ts'
import { DiscoveryNeighbours } from './neighbours/discovery.ts'
import { JudgingNeighbours } from './neighbours/judging.ts'
import { lazily } from './neighbours/lazily.ts'
import { MailNeighbours } from './neighbours/mail.ts'
import { StoreNeighbour } from './neighbours/stored.ts'
import { Watch } from './operations/watch.ts'
import type { AgentOptions } from './options.ts'
import type { Settings } from './settings.ts'
import type { Recording } from './trace/trace.ts'

/**
 * The neighbours, each made at first use: a command that only reads the store loads no DNS and no mail.
 * What is made here is closed by `close`.
 */
export class Neighbours {
  readonly settings: Settings
  readonly now: () => Date
  readonly random: () => number
  readonly at: () => Date
  /** Milliseconds of a clock that nobody sets; a clock that was handed in is one. */
  readonly elapsed: () => number
  readonly log: Log
  readonly offline: boolean
  readonly record: Recording | undefined
  readonly discovery: DiscoveryNeighbours
  readonly judging: JudgingNeighbours
  readonly mail: MailNeighbours
  readonly stored: StoreNeighbour
  /** What the daemon does, in numbers. */
  readonly watch: Watch

  constructor(settings: Settings, options: AgentOptions) {
    const { at, now: clock, random = Math.random, log = silent, network = true, record } = options
    const offline = !network
    const now = clock ?? (() => new Date())
    const circumstances = { settings, parts: options, offline, now, random }
    const discovery = new DiscoveryNeighbours(circumstances)
    this.settings = settings
    this.now = now
    this.random = random
    this.at = at ? () => at : now
    this.elapsed = clock ? () => clock().getTime() : () => performance.now()
    this.log = onOneLine(log)
    this.offline = offline
    this.record = record
    this.discovery = discovery
    this.judging = new JudgingNeighbours(circumstances, {
      store: () => this.store(),
      existingStore: () => this.existingStore(),
      fetch: () => discovery.fetch(),
    })
    this.watch = new Watch(this)
    this.mail = new MailNeighbours(circumstances, { lookup: () => discovery.lookup() })
    this.stored = new StoreNeighbour(circumstances)
  }

  /** Made where there is none. */
  store(): Promise<Store> {
    return this.stored.open()
  }

  /** The store if there is one: asking what became of messages makes none. */
  existingStore(): Promise<Store | null> {
    return this.stored.existing()
  }

  readonly spool = lazily(async () => (await import('./files/spool.ts')).createSpool(null))

  /** Whom we believe, as of each question. */
  readonly trust = lazily(async () => {
    const { CurrentTrust } = await import('./trust/current.ts')
    const { settings, now, at, log } = this
    return new CurrentTrust({
      settings,
      existingStore: () => this.existingStore(),
      store: () => this.store(),
      fetch: () => this.discovery.fetch(),
      spool: () => this.spool(),
      now,
      at,
      log,
    })
  })

  async close(): Promise<void> {
    await this.mail.close()
    await this.discovery.close()
    if (this.trust.made) await (await this.trust.made)[Symbol.asyncDispose]()
    await this.stored.close()
  }
}
