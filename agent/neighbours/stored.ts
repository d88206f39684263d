import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type {
  lookAtStore,
  OlderStore,
  RestoredStore,
  RestoreOptions,
  Store,
  StorePlace,
} from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import type { Told } from '../upkeep/types.ts'
import type { Circumstances } from './circumstances.ts'
import { type Lazy, lazily } from './lazily.ts'

/** The store, looked at for a while. */
export interface LookingAtStore extends AsyncDisposable {
  /** Null: it is of our version, or there is none. */
  older(): Promise<OlderStore | null>
}

/** How long a pass waits for another process that is at the same mailbox. */
const RECEIVING_MS = 30_000

/** The store, and what those who share it may do one at a time. */
export class StoreNeighbour {
  readonly #circumstances: Circumstances
  readonly #file: string
  #isClosed = false

  constructor(circumstances: Circumstances) {
    this.#circumstances = circumstances
    this.#file = join(circumstances.settings.dataDir, 'direct.db')
  }

  /** Made where there is none. Throws DirectError as `openStore`, and USAGE once this was closed. */
  async open(): Promise<Store> {
    this.#requireUse()
    return this.#store()
  }

  readonly #store = lazily(async () => {
    const { parts, settings, now } = this.#circumstances
    if (parts.store) return parts.store
    const { openStore } = await import('../../store/index.ts')
    const { perCorrespondentPerHour: mdnsPerHour } = settings.notifications
    return openStore({ ...(await this.#ownPlace()), now, mdnsPerHour })
  })

  /** The store if there is one: asking what became of messages makes none. */
  async existing(): Promise<Store | null> {
    this.#requireUse()
    if (this.#isOpen) return this.#store()
    if (this.#look !== null) {
      const seen = await this.#look()
      return seen !== null && 'store' in seen ? seen.store : null
    }
    return this.#isThere ? this.#store() : null
  }

  /**
   * Until it is disposed of, whoever asks for the store that is there looks at it, and changes nothing. Those who look at
   * the same time share what they see.
   */
  looking(): LookingAtStore {
    this.#lookers++
    this.#look ??= lazily(async () => {
      if (!this.#isThere) return null
      const { lookAtStore } = await import('../../store/index.ts')
      return lookAtStore({ ...(await this.#ownPlace()), now: this.#circumstances.now })
    })
    const look = this.#look
    return {
      older: async () => {
        this.#requireUse()
        // Whoever has it open has brought it up to date.
        const seen = this.#isOpen ? null : await look()
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

  /** A backup in the place of the store, which nobody may have open, and so not this agent. */
  async restore(backup: string, options: RestoreOptions & Told): Promise<RestoredStore> {
    if (this.#isOpen)
      throw new DirectError('USAGE', 'this agent has the store open that is to be restored', {
        hint: 'Restore with an agent that was asked nothing before, and was given no store.',
      })
    const { restoreStore } = await import('../../store/index.ts')
    const draft = `${this.#file}.restoring`
    const { now } = this.#circumstances
    return restoreStore(backup, { ...options, ...(await this.#place()), draft, now })
  }

  /**
   * One pass over a mailbox at a time: two would open the same mail side by side, and each attempt would count against
   * it. A store that was handed in is one process's own.
   */
  async receivingAlone(mailbox: string, signal?: AbortSignal): Promise<Disposable> {
    const { parts, settings } = this.#circumstances
    if (parts.store) return { [Symbol.dispose]() {} }
    await this.open()
    const what = `receives from ${mailbox}`
    if (settings.store !== undefined)
      return (await this.#leases()).alone(`receiving ${mailbox}`, { what, patienceMs: RECEIVING_MS, signal })
    const { exclusively } = await import('../../store/index.ts')
    const name = createHash('sha256').update(mailbox).digest('hex').slice(0, 16)
    return exclusively(join(settings.dataDir, `receiving-${name}.lock`), {
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
    const { parts, settings } = this.#circumstances
    if (settings.store === undefined || parts.store !== undefined) return true
    return (await this.#leases()).isOurs(name)
  }

  readonly #leases = lazily(async () => {
    const { HeldLeases } = await import('./leases.ts')
    return new HeldLeases(async () => (await this.open()).leases)
  })

  /** Whoever asks for the store later is told that it is closed, and makes none. */
  async close(): Promise<void> {
    if (this.#leases.made) await (await this.#leases.made)[Symbol.asyncDispose]()
    this.#isClosed = true
    // A store that was handed in belongs to whoever made it.
    if (this.#store.made && !this.#circumstances.parts.store)
      await (await this.#store.made)[Symbol.asyncDispose]()
  }

  #requireUse(): void {
    if (this.#isClosed)
      throw new DirectError('USAGE', 'this agent has been closed', {
        hint: 'Wait for what it was asked before it is disposed of, or make another one.',
      })
  }

  /** One that was handed in is. */
  get #isOpen(): boolean {
    return this.#circumstances.parts.store !== undefined || this.#store.made !== null
  }

  get #isThere(): boolean {
    return this.#circumstances.settings.store !== undefined || isThere(this.#file)
  }

  /** The place of the store; of one that others can reach too, with whose it has to be. */
  async #ownPlace() {
    const place = await this.#place()
    if ('file' in place) return place
    const { settings } = this.#circumstances
    const { namesOf, ownFiles } = await import('../identities/files.ts')
    const mailboxes = settings.mailboxes.map(({ name }) => name)
    return { ...place, names: [...mailboxes, ...namesOf(await ownFiles(settings))] }
  }

  async #place(): Promise<StorePlace> {
    const { settings, offline } = this.#circumstances
    if (settings.store === undefined) return { file: this.#file }
    const { postgresPlace } = await import('./postgres.ts')
    return { postgres: await postgresPlace(settings.store, offline) }
  }
}

/**
 * What may not be seen is not absent: "nothing was sent" would be told to whoever is the wrong user, and an anchor that was
 * removed be believed.
 */
function isThere(file: string): boolean {
  try {
    statSync(file)
    return true
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    throw new DirectError('STORE_FAILED', `the store ${file} cannot be read (${code})`, {
      hint: 'dataDir has to be a folder that the user that runs direct-agent owns: run this as that user.',
      cause,
    })
  }
}
