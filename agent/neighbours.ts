import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type {
  lookAtStore,
  OlderStore,
  RestoredStore,
  RestoreOptions,
  Store,
  StorePlace,
} from '../store/index.ts'
import { DirectError } from './errors.ts'
import { type Log, onOneLine, silent } from './log.ts'
import { DiscoveryNeighbours } from './neighbours/discovery.ts'
import { JudgingNeighbours } from './neighbours/judging.ts'
import { type Lazy, lazily } from './neighbours/lazily.ts'
import { MailNeighbours } from './neighbours/mail.ts'
import { Watch } from './operations/watch.ts'
import type { AgentOptions, Parts } from './options.ts'
import type { Settings } from './settings.ts'
import type { Recording } from './trace/trace.ts'
import type { Told } from './upkeep/types.ts'

/** The store, looked at for a while. */
export interface LookingAtStore extends AsyncDisposable {
  /** Null: it is of our version, or there is none. */
  older(): Promise<OlderStore | null>
}

/** How long a pass waits for another process that is at the same mailbox. */
const RECEIVING_MS = 30_000

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
  /** What the daemon does, in numbers. */
  readonly watch: Watch
  readonly #parts: Parts

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
    this.watch = new Watch(now)
    this.mail = new MailNeighbours(circumstances, { lookup: () => discovery.lookup() })
    this.#parts = options
  }

  readonly store = lazily(async () => {
    if (this.#parts.store) return this.#parts.store
    const { openStore } = await import('../store/index.ts')
    const { perCorrespondentPerHour: mdnsPerHour } = this.settings.notifications
    return openStore({ ...(await this.#ownStore()), now: this.now, mdnsPerHour })
  })

  /** The store if there is one: asking what became of messages makes none. */
  async existingStore(): Promise<Store | null> {
    if (this.#isStoreOpen) return this.store()
    if (this.#look !== null) {
      const seen = await this.#look()
      return seen !== null && 'store' in seen ? seen.store : null
    }
    return this.#isStoreThere ? this.store() : null
  }

  /**
   * Until it is disposed of, whoever asks for the store that is there looks at it, and changes nothing. Those who look at
   * the same time share what they see.
   */
  looking(): LookingAtStore {
    this.#lookers++
    this.#look ??= lazily(async () => {
      if (!this.#isStoreThere) return null
      const { lookAtStore } = await import('../store/index.ts')
      return lookAtStore({ ...(await this.#ownStore()), now: this.now })
    })
    const look = this.#look
    return {
      older: async () => {
        // Whoever has it open has brought it up to date.
        const seen = this.#isStoreOpen ? null : await look()
        return seen !== null && 'older' in seen ? seen.older : null
      },
      [Symbol.asyncDispose]: async () => {
        this.#lookers--
        if (this.#lookers > 0) return
        this.#look = null
        const seen = await look.made?.catch(() => null)
        if (seen && 'store' in seen) await seen.store[Symbol.asyncDispose]()
      },
    }
  }

  #look: Lazy<Awaited<ReturnType<typeof lookAtStore>>> | null = null
  #lookers = 0

  /** One that was handed in is. */
  get #isStoreOpen(): boolean {
    return this.#parts.store !== undefined || this.store.made !== null
  }

  get #isStoreThere(): boolean {
    return this.settings.store !== undefined || existsSync(this.#storeFile)
  }

  /** A backup in the place of the store, which nobody may have open, and so not this agent. */
  async restoreStore(backup: string, options: RestoreOptions & Told): Promise<RestoredStore> {
    if (this.#isStoreOpen)
      throw new DirectError('USAGE', 'this agent has the store open that is to be restored', {
        hint: 'Restore with an agent that was asked nothing before, and was given no store.',
      })
    const { restoreStore } = await import('../store/index.ts')
    const draft = `${this.#storeFile}.restoring`
    return restoreStore(backup, { ...options, ...(await this.#storePlace()), draft, now: this.now })
  }

  /**
   * One pass over a mailbox at a time: two would open the same mail side by side, and each attempt would count against
   * it. A store that was handed in is one process's own.
   */
  async receivingAlone(mailbox: string, signal?: AbortSignal): Promise<Disposable> {
    if (this.#parts.store) return { [Symbol.dispose]() {} }
    await this.store()
    const what = `receives from ${mailbox}`
    if (this.settings.store !== undefined)
      return (await this.#leases()).alone(`receiving ${mailbox}`, { what, patienceMs: RECEIVING_MS, signal })
    const { exclusively } = await import('../store/index.ts')
    const name = createHash('sha256').update(mailbox).digest('hex').slice(0, 16)
    return exclusively(join(this.settings.dataDir, `receiving-${name}.lock`), {
      what,
      patienceMs: RECEIVING_MS,
      signal,
    })
  }

  /**
   * Whether it is this process that does `name`, of those that share the store; asked before each step. In a file there is
   * one daemon, and it does everything.
   */
  async isOurs(name: string): Promise<boolean> {
    if (this.settings.store === undefined || this.#parts.store !== undefined) return true
    return (await this.#leases()).isOurs(name)
  }

  readonly #leases = lazily(async () => {
    const { HeldLeases } = await import('./neighbours/leases.ts')
    return new HeldLeases(async () => (await this.store()).leases)
  })

  /** The place of the store; of one that others can reach too, with whose it has to be. */
  async #ownStore() {
    const place = await this.#storePlace()
    if ('file' in place) return place
    const { namesOf, ownFiles } = await import('./identities/files.ts')
    const mailboxes = this.settings.mailboxes.map(({ name }) => name)
    return { ...place, names: [...mailboxes, ...namesOf(await ownFiles(this.settings))] }
  }

  async #storePlace(): Promise<StorePlace> {
    const { store } = this.settings
    if (store === undefined) return { file: this.#storeFile }
    const { postgresPlace } = await import('./neighbours/postgres.ts')
    return { postgres: await postgresPlace(store, this.offline) }
  }

  get #storeFile(): string {
    return join(this.settings.dataDir, 'direct.db')
  }

  readonly spool = lazily(async () => (await import('./spool.ts')).createSpool(null))

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
    if (this.#leases.made) await (await this.#leases.made)[Symbol.asyncDispose]()
    // A store that was handed in belongs to whoever made it.
    if (this.store.made && !this.#parts.store) await (await this.store.made)[Symbol.asyncDispose]()
  }
}
