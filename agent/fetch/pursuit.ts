import type { Wanted } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import type { UrlAllowance } from './allowance.ts'
import type { Gathered } from './gathered.ts'
import type { Obtain, Obtained } from './obtain.ts'
import { notFetched } from './shown.ts'
import type { NotFetched } from './types.ts'

/** Issuers of issuers that are fetched one after the other (CERT-8). */
const MAX_DEPTH = 5
/** What one judgement asks for, the cache included: more is nobody's honest certificate. */
const MAX_URLS = 24

const TOO_MANY = {
  status: 'refused',
  why: `${MAX_URLS} other URLs were asked already for this one certificate`,
} as const

/** One thing wanted, and how far we are with it. */
interface Quest {
  readonly sources: AsyncGenerator<Obtained>
  /** Why it is not asked; null: it is. */
  readonly barred: Pick<NotFetched, 'status' | 'why'> | null
  running: Promise<void> | null
  exhausted: boolean
}

export interface PursuitOptions {
  /** The time that is judged at. */
  readonly at: Date
  /** Begins the time that the judgement waits, and fires when it is over. */
  readonly patience: () => AbortSignal
  /** Shared with other judgements; absent: this one stands alone. */
  readonly allowance: UrlAllowance | undefined
  readonly signal: AbortSignal | undefined
}

/** The fetching for one judgement: what was asked for already, within its bounds. Ends what still runs when disposed. */
export class Pursuit implements AsyncDisposable {
  readonly #obtain: Obtain
  readonly #gathered: Gathered
  readonly #at: Date
  readonly #allowance: UrlAllowance | undefined
  readonly #given: AbortSignal | undefined
  readonly #ended = new AbortController()
  readonly #patience: () => AbortSignal
  #bounds: AbortSignal | null = null
  readonly #quests = new Map<string, Quest>()
  #broken: { readonly error: unknown } | null = null

  constructor(obtain: Obtain, gathered: Gathered, { at, patience, allowance, signal }: PursuitOptions) {
    this.#obtain = obtain
    this.#gathered = gathered
    this.#at = at
    this.#allowance = allowance
    this.#given = signal
    this.#patience = patience
  }

  /** Waits until more is gathered about any of these; false: there is no more to be had about them. */
  async more(wanted: readonly Wanted[]): Promise<boolean> {
    const running = wanted.flatMap((one) => this.#pursue(one) ?? [])
    if (running.length === 0) return false
    await Promise.race(running)
    if (this.#given?.aborted)
      throw new DirectError('ABORTED', 'the judgement was given up', { temporary: true })
    if (this.#broken !== null) throw this.#broken.error
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#quests.size === 0) return
    this.#ended.abort()
    await Promise.all([...this.#quests.values()].map(({ running }) => running))
  }

  /** Made when something is fetched: most judgements have all that they need, and a timer would outlive them by far. */
  get #signal(): AbortSignal {
    this.#bounds ??= AbortSignal.any([
      this.#ended.signal,
      this.#patience(),
      ...(this.#given ? [this.#given] : []),
    ])
    return this.#bounds
  }

  #pursue(wanted: Wanted): Promise<void> | null {
    const quest = this.#questFor(wanted)
    if (quest.exhausted) return null
    quest.running ??= this.#step(quest, wanted).finally(() => {
      quest.running = null
    })
    return quest.running
  }

  #questFor(wanted: Wanted): Quest {
    const { kind, url, certificate } = wanted
    const key = `${kind} ${url} ${kind === 'ocsp' ? certificate.sha256 : ''}`
    const known = this.#quests.get(key)
    if (known !== undefined) return known
    const tooDeep = kind === 'issuer' && this.#gathered.depthOf(certificate) >= MAX_DEPTH
    const quest = {
      sources: this.#obtain(wanted, this.#at, this.#signal),
      barred: this.#quests.size >= MAX_URLS ? TOO_MANY : (this.#allowance?.take(key) ?? null),
      running: null,
      exhausted: tooDeep,
    }
    this.#quests.set(key, quest)
    return quest
  }

  /** Takes the next source. Never rejects: it may end when nobody waits for it any more. */
  async #step(quest: Quest, wanted: Wanted): Promise<void> {
    if (quest.barred !== null) {
      quest.exhausted = true
      const { status, why } = quest.barred
      this.#gathered.addUnavailable(wanted, notFetched(wanted.url, status, why), true)
      return
    }
    try {
      const { value, done } = await quest.sources.next()
      if (done) quest.exhausted = true
      else this.#gathered.add(wanted, value)
    } catch (error) {
      quest.exhausted = true
      if (error !== this.#signal.reason) this.#broken = { error }
      else {
        const why = 'it did not come in the time that one certificate may take'
        this.#gathered.addUnavailable(wanted, notFetched(wanted.url, 'failed', why), true)
      }
    }
  }
}
