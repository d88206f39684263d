import { randomBytes } from 'node:crypto'
import type { Store } from '../../store/index.ts'
import type { RevocationMode } from '../../trust-anchors/index.ts'
import type { FetchedUrl } from '../explain/types.ts'
import type { GuardedFetch } from '../fetch.ts'
import type { FetchCache, Judge } from '../trust/judge.ts'
import type { Circumstances } from './circumstances.ts'
import { type Lazy, lazily } from './lazily.ts'

/** Where is kept what URLs of certificates gave: `existing`, in the store where there is one. */
type Kept = 'store' | 'existing' | 'memory'

interface JudgingTools {
  readonly store: () => Promise<Store>
  readonly existingStore: () => Promise<Store | null>
  /** Null: the network is forbidden. */
  readonly fetch: () => Promise<GuardedFetch | null>
}

/** Who judges certificates, and what that takes from URLs and keeps of them. */
export class JudgingNeighbours {
  readonly #circumstances: Circumstances
  readonly #tools: JudgingTools
  readonly #judges = new Map<string, Lazy<Judge>>()

  constructor(circumstances: Circumstances, tools: JudgingTools) {
    this.#circumstances = circumstances
    this.#tools = tools
  }

  /** `memory`: what it fetches is kept for this process alone, else in the store, which is made where there is none. */
  judge(
    kept: 'store' | 'memory' = 'store',
    mode: RevocationMode = this.#circumstances.settings.revocation,
  ): Promise<Judge> {
    const key = `${kept} ${mode}`
    const judge =
      this.#judges.get(key) ?? lazily(async () => this.#newJudge(kept, mode, await this.#tools.fetch()))
    this.#judges.set(key, judge)
    return judge()
  }

  /** A judge that tells of each URL that it fetches. */
  async watchedJudge(watch: (fetched: FetchedUrl) => void): Promise<Judge> {
    const { watching } = await import('../explain/record.ts')
    const fetch = await this.#tools.fetch()
    const { revocation } = this.#circumstances.settings
    return this.#newJudge('existing', revocation, fetch && watching(fetch, watch))
  }

  async fetchCache(kept: Kept = 'store'): Promise<FetchCache> {
    const { memoryCache } = await import('../trust/judge.ts')
    const { store, existingStore } = this.#tools
    const memory = memoryCache()
    const known = async () => (kept === 'memory' ? memory : ((await existingStore())?.fetches ?? memory))
    // What was fetched is worth a store of its own: a CRL speaks for days, and its host may be away tomorrow (CERT-7).
    const keeping = async () => (kept === 'store' ? (await store()).fetches : known())
    return {
      get: async (key, now) => (await known()).get(key, now),
      put: async (fetched, now) => (await keeping()).put(fetched, now),
    }
  }

  async #newJudge(kept: Kept, mode: RevocationMode, fetch: GuardedFetch | null): Promise<Judge> {
    const { createJudge } = await import('../trust/judge.ts')
    const cache = await this.fetchCache(kept)
    return createJudge({ mode, fetch, cache, now: this.#circumstances.now, random: randomBytes })
  }
}
