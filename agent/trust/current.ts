import type { Store, TrustRecords } from '../../store/index.ts'
import { type AnchorSets, Certificate, parseCertificate } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import { DirectError } from '../errors.ts'
import { createSharing } from '../fetch/share.ts'
import type { GuardedFetch } from '../fetch.ts'
import type { Log } from '../log.ts'
import type { Settings } from '../settings.ts'
import type { Spool } from '../smime/source.ts'
import type { BundleTools } from './bundles.ts'
import { type ConfiguredTrust, readConfiguredTrust } from './configured.ts'
import { putTogether, type TrustState } from './entries.ts'
import { type TrustNotice, trustNotices } from './notices.ts'

/** Whom we believe right now: what is configured, fetched in bundles, added by hand, less what was removed by hand. */
export interface Trust {
  readonly anchors: AnchorSets
  /** Certificates pinned to a partner's address (TR-5): each is its own anchor for that address alone. */
  readonly pinned: (partner: Address) => readonly PinnedCertificate[]
  /** Somebody has a pin: without any anchor that partner is believed all the same. */
  readonly hasPins: boolean
}

export interface PinnedCertificate {
  readonly certificate: Certificate
  readonly actor: string
  readonly until: Date
}

/** What knowing whom we believe asks of its neighbours. */
export interface TrustTools {
  readonly settings: Settings
  /** The store if there is one. */
  readonly existingStore: () => Promise<Store | null>
  /** The store, made if there is none. */
  readonly store: () => Promise<Store>
  /** Null: the network is forbidden. */
  readonly fetch: () => Promise<GuardedFetch | null>
  readonly spool: () => Promise<Spool>
  /** The clock on the wall. */
  readonly now: () => Date
  /** The time to judge certificates and pins by. */
  readonly at: () => Date
  readonly log: Log
}

/** A bundle that could not be had at first need is not asked for again by every message. */
const FIRST_RETRY_MS = 5 * 60_000

/**
 * Whom we believe, as of each call. The configuration's files are read once; what was decided by hand, and what bundles
 * brought, is looked up in the store each time, so that a removal by another process counts at once.
 */
export class CurrentTrust implements AsyncDisposable {
  readonly #tools: TrustTools
  #configured: Promise<ConfiguredTrust> | null = null
  #known: {
    readonly records: TrustRecords | null
    readonly revision: number
    readonly state: TrustState
  } | null = null
  /** Bundles of a process without a store, for as long as it lives. */
  #memory: Promise<Store> | null = null
  /** One fetch for all who wait for it; when nobody does any more it is given up. */
  readonly #share = createSharing<void>()
  #isFetching = false
  readonly #tried = new Map<string, number>()

  constructor(tools: TrustTools) {
    this.#tools = tools
  }

  /**
   * Fetches bundles that were never had before it answers, side by side, where the network is allowed: for as long as one
   * fetch may take (NET). Those that cannot be had are in `anchors.missing`. With `keep` a store is made for what they
   * brought, so that the last good content outlives the process; else it is in memory where there is none.
   * Throws CERT_UNREADABLE for files of the configuration, what the store throws, and ABORTED.
   */
  async now(signal?: AbortSignal, keep = false): Promise<Trust> {
    let state = await this.state()
    if (state.missing.length > 0 && (await this.#fetchMissing(state, keep, signal)))
      state = await this.state()
    const at = this.#tools.at()
    const pins = state.pins.filter(({ until }) => at < until)
    return {
      anchors: state.anchors,
      pinned: (partner) =>
        pins
          .filter(({ address }) => address === partner.key)
          .flatMap(({ der, actor, until }) => {
            const certificate = parseCertificate(der)
            return certificate instanceof Certificate ? [{ certificate, actor, until }] : []
          }),
      hasPins: pins.length > 0,
    }
  }

  /** As `now`, nothing fetched for it. */
  async state(): Promise<TrustState> {
    const records = await this.#records()
    const revision = records === null ? 0 : await records.revision()
    if (this.#known?.records === records && this.#known.revision === revision) return this.#known.state
    const stored = records === null ? null : await records.read()
    const state = putTogether(await this.#files(), stored)
    this.#known = { records, revision: stored?.revision ?? 0, state }
    return state
  }

  /** What an administrator should always be told. Fetches nothing. */
  async notices(): Promise<readonly TrustNotice[]> {
    const state = await this.state()
    const { notes } = await this.#files()
    const records = await this.#records()
    const known = records === null || state.sources.length === 0 ? [] : await records.bundles()
    const ofFiles = notes.map((text) => ({ code: 'FILE', text }) as const)
    return [...trustNotices(state, known, this.#tools.at()), ...ofFiles]
  }

  /** For `refreshBundles` and `diffBundles`, over the records of a store. */
  async bundleTools(records: TrustRecords): Promise<BundleTools> {
    const { fetch, spool, now, at, log } = this.#tools
    const stored = await records.read()
    const { sources, removed } = putTogether(await this.#files(), stored)
    const { added } = stored
    return { records, sources, removed, added, fetch: await fetch(), spool: await spool(), now, at, log }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#memory)?.[Symbol.asyncDispose]()
  }

  #files(): Promise<ConfiguredTrust> {
    this.#configured ??= readConfiguredTrust(this.#tools.settings)
    this.#configured.catch(() => {
      this.#configured = null
    })
    return this.#configured
  }

  async #records(): Promise<TrustRecords | null> {
    const store = (await this.#tools.existingStore()) ?? (await this.#memory)
    return store?.trust ?? null
  }

  /** False: nothing was tried. */
  async #fetchMissing(
    { missing }: TrustState,
    keep: boolean,
    signal = new AbortController().signal,
  ): Promise<boolean> {
    if (!this.#isFetching && !missing.some((source) => this.#mayTry(source))) return false
    const work = async (given: AbortSignal) => {
      this.#isFetching = true
      await this.#fetchNow(missing, keep, given).finally(() => {
        this.#isFetching = false
      })
    }
    try {
      await this.#share('missing', work, signal)
    } catch (error) {
      if (!signal.aborted) throw error
      throw new DirectError('ABORTED', 'waiting for a trust bundle was given up', {
        temporary: true,
        cause: error,
      })
    }
    return true
  }

  async #fetchNow(missing: TrustState['missing'], keep: boolean, signal: AbortSignal): Promise<void> {
    if ((await this.#tools.fetch()) === null) return
    const records = (await this.#records()) ?? (await (keep ? this.#inStore() : this.#inMemory()))
    const sources = missing.filter((source) => this.#mayTry(source))
    for (const source of sources) this.#tried.set(keyOf(source), this.#tools.now().getTime())
    const { refreshBundles } = await import('./bundles.ts')
    const tools = await this.bundleTools(records)
    // Side by side: hosts that hang for one of them must not add up.
    const outcomes = await Promise.allSettled(
      sources.map((source) => refreshBundles({ ...tools, sources: [source] }, {}, signal)),
    )
    const failed = outcomes.find(({ status }) => status === 'rejected')
    // That nobody waited any longer says nothing about the bundles.
    if (signal.aborted) for (const source of sources) this.#tried.delete(keyOf(source))
    if (failed?.status === 'rejected') throw failed.reason
  }

  #mayTry(source: TrustState['missing'][number]): boolean {
    const tried = this.#tried.get(keyOf(source))
    return tried === undefined || this.#tools.now().getTime() - tried >= FIRST_RETRY_MS
  }

  /** A folder that cannot be written to keeps nobody from asking how others can be reached. */
  async #inStore(): Promise<TrustRecords> {
    try {
      return (await this.#tools.store()).trust
    } catch (error) {
      if (!(error instanceof DirectError)) throw error
      return this.#inMemory()
    }
  }

  async #inMemory(): Promise<TrustRecords> {
    this.#memory ??= import('../../store/index.ts').then(({ openStore }) =>
      openStore({ file: ':memory:', now: this.#tools.now }),
    )
    return (await this.#memory).trust
  }
}

/** Without anchors every message would be put aside: that is a mistake in the configuration, not in the mail. */
export function requireIncomingAnchors({ mailboxes }: Settings, { anchors, hasPins }: Trust): void {
  if (hasPins || !anchors.trustsNobody('incoming')) return
  const [mailbox] = mailboxes
  throw new DirectError(
    'NO_ANCHORS',
    `no incoming trust anchors are configured for ${mailbox?.addresses?.join(', ') ?? 'our mailboxes'}`,
    {
      hint: 'Add one: "direct trust add", or an entry of trust with direction incoming or both; "direct trust list" shows what was removed. Mail waits in its folder until then.',
    },
  )
}

function keyOf({ url, signer }: { readonly url: string; readonly signer: string | null }): string {
  return `${signer ?? ''} ${url}`
}
