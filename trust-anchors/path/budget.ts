import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { Work } from './types.ts'

const MAX_SIGNATURES = 100
const MAX_STEPS = 1_000
const COMPARISONS_PER_STEP = 256
/** Complete paths: each may cost a walk over all its CRLs. */
const MAX_PATHS = 20

/**
 * The work that one question may cost, searches within the search included (CERT-5): 100 signature checks,
 * 1,000 steps, 20 complete paths. Every method asks for more, and says whether there is any.
 */
export class Budget {
  readonly #verdicts = new Map<string, boolean>()
  #signatures = 0
  #comparisons = 0
  #steps = 0
  #paths = 0
  #isSpent = false

  /** Something has been refused: whatever was found to be missing since then proves nothing. */
  get isSpent(): boolean {
    return this.#isSpent
  }

  get work(): Work {
    return { signatures: this.#signatures, steps: this.#stepsInAll() }
  }

  /** Whether `issuer`'s key made the signature: one operation per pair, however many paths lead over it. Null: spent. */
  isSignedBy(certificate: Certificate, issuer: Certificate): boolean | null {
    const pair = certificate.sha256 + issuer.spkiSha256
    const known = this.#verdicts.get(pair)
    if (known !== undefined) return known
    if (!this.signature()) return null
    const verdict = certificate.isSignedBy(issuer)
    this.#verdicts.set(pair, verdict)
    return verdict
  }

  signature(): boolean {
    return this.#take(this.#signatures < MAX_SIGNATURES, () => this.#signatures++)
  }

  step(): boolean {
    return this.#take(this.#stepsInAll() < MAX_STEPS, () => this.#steps++)
  }

  /** For `n` comparisons of names or policies. */
  compare(n: number): boolean {
    const within = this.#steps + (this.#comparisons + n) / COMPARISONS_PER_STEP <= MAX_STEPS
    return this.#take(within, () => {
      this.#comparisons += n
    })
  }

  path(): boolean {
    return this.#take(this.#paths < MAX_PATHS, () => this.#paths++)
  }

  #take(isLeft: boolean, count: () => void): boolean {
    if (isLeft) count()
    else this.#isSpent = true
    return isLeft
  }

  #stepsInAll(): number {
    return this.#steps + Math.ceil(this.#comparisons / COMPARISONS_PER_STEP)
  }
}

export const SPENT: Failure = {
  code: 'WORK_LIMIT',
  text: `no path was found within ${MAX_SIGNATURES} signature checks, ${MAX_STEPS} steps and ${MAX_PATHS} complete paths`,
}
