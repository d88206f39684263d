import {
  type Attempt,
  type Certificate,
  type Purpose,
  type RevocationMode,
  type Verification,
  type VerificationContext,
  verifyCertificate,
  type Wanted,
} from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import { DirectError } from './errors.ts'
import { Evidence } from './fetch/evidence.ts'
import { createObtain, type Obtain, type Obtained, type ObtainTools } from './fetch/obtain.ts'
import { notFetched } from './fetch/target.ts'

export { type FetchCache, memoryCache } from './fetch/cache.ts'

/** `verifyCertificate`, with what it wants fetched: issuers (CERT-8), CRLs and OCSP responses (CERT-7). */
export type Judge = <P extends Purpose>(
  purpose: P,
  address: Address,
  leaf: Certificate,
  context: JudgeContext,
) => Promise<Verification<P>>

export interface JudgeContext extends Omit<VerificationContext, 'revocation'> {
  /** What came with the message (RFC 5652 10.2.1): as bytes, DER. */
  readonly material?: { readonly crls: readonly Uint8Array[]; readonly ocsp: readonly Uint8Array[] }
  readonly signal?: AbortSignal
}

export interface JudgeTools extends ObtainTools {
  readonly mode: RevocationMode
  /** Milliseconds for all that one judgement waits for; 30,000 by default. */
  readonly patienceMs?: number
}

/** Issuers of issuers that are fetched one after the other (CERT-8). */
const MAX_DEPTH = 5
/** What one judgement asks for, the cache included: more is nobody's honest certificate. */
const MAX_URLS = 24
const PATIENCE_MS = 30_000
/** A CRL from the cache still speaks so long after its nextUpdate (CERT-7). */
const GRACE_MS = 72 * 3_600_000

/**
 * Judges, fetches what the verdict still wants, judges again: until nothing is wanted, or nothing more is to be had.
 * Whatever arrives first is tried first, and what is then no longer wanted is given up. Throws DirectError ABORTED.
 */
export function createJudge(tools: JudgeTools): Judge {
  const { mode, patienceMs = PATIENCE_MS } = tools
  const obtain = createObtain(tools)

  return async (purpose, address, leaf, context) => {
    const { material, signal, trace, ...asked } = context
    const evidence = new Evidence(context.candidates, material)
    await using search = new Search(obtain, evidence, context.at, patienceMs, signal)
    for (;;) {
      const attempts: Attempt[] = []
      const verification = verifyCertificate(purpose, address, leaf, {
        ...asked,
        candidates: evidence.candidates,
        revocation: { mode, material: evidence.revocation, graceMs: GRACE_MS, unpointed: 'not-revocable' },
        ...(trace && { trace: (attempt: Attempt) => void attempts.push(attempt) }),
      })
      if (await search.more(verification.wanted)) continue
      // Of the attempts, the last round's alone: with everything at hand that there was.
      for (const attempt of attempts) trace?.(attempt)
      return verification
    }
  }
}

/** One thing wanted, and how far we are with it. */
interface Quest {
  readonly sources: AsyncGenerator<Obtained>
  /** One more than a judgement may ask for. */
  readonly tooMany: boolean
  running: Promise<void> | null
  exhausted: boolean
}

/** The fetching of one judgement: what was asked for already, within its bounds. */
class Search implements AsyncDisposable {
  readonly #obtain: Obtain
  readonly #evidence: Evidence
  readonly #at: Date
  readonly #given: AbortSignal | undefined
  readonly #patience: AbortSignal
  readonly #ended = new AbortController()
  readonly #signal: AbortSignal
  readonly #quests = new Map<string, Quest>()
  #broken: { readonly error: unknown } | null = null

  constructor(
    obtain: Obtain,
    evidence: Evidence,
    at: Date,
    patienceMs: number,
    given: AbortSignal | undefined,
  ) {
    this.#obtain = obtain
    this.#evidence = evidence
    this.#at = at
    this.#given = given
    this.#patience = AbortSignal.timeout(patienceMs)
    this.#signal = AbortSignal.any([this.#ended.signal, this.#patience, ...(given ? [given] : [])])
  }

  /** Waits until the evidence about any of these has grown; false: there is no more to be had about them. */
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
    this.#ended.abort()
    await Promise.all([...this.#quests.values()].map(({ running }) => running))
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
    const tooDeep = kind === 'issuer' && this.#evidence.depthOf(certificate) >= MAX_DEPTH
    const quest = {
      sources: this.#obtain(wanted, this.#at, this.#signal),
      tooMany: this.#quests.size >= MAX_URLS,
      running: null,
      exhausted: tooDeep,
    }
    this.#quests.set(key, quest)
    return quest
  }

  /** Takes the next source. Never rejects: it may end when nobody waits for it any more. */
  async #step(quest: Quest, wanted: Wanted): Promise<void> {
    if (quest.tooMany) {
      quest.exhausted = true
      const why = `${MAX_URLS} other URLs were asked already for this one certificate`
      this.#evidence.addUnavailable(wanted, notFetched(wanted.url, 'refused', why))
      return
    }
    try {
      const { value, done } = await quest.sources.next()
      if (done) quest.exhausted = true
      else this.#evidence.add(wanted, value)
    } catch (error) {
      quest.exhausted = true
      if (error !== this.#signal.reason) this.#broken = { error }
      else {
        const why = 'it did not come in the time that one certificate may take'
        this.#evidence.addUnavailable(wanted, notFetched(wanted.url, 'failed', why))
      }
    }
  }
}
