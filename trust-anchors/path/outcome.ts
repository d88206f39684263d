import type { CertificateCode, Failure } from '../failures.ts'

/** Most specific first: what a person can mend by looking at one certificate comes before "not found". */
const RANK: readonly CertificateCode[] = [
  'CERT_REVOKED',
  'WORK_LIMIT',
  'CERT_EXPIRED',
  'CERT_NOT_YET_VALID',
  'SIGNATURE_WEAK',
  'KEY_WEAK',
  'UNKNOWN_CRITICAL_EXTENSION',
  'NAME_CONSTRAINT',
  'POLICY',
  'EXT_KEY_USAGE',
  'PATH_LENGTH',
  'NOT_SUPPORTED',
  'ISSUER_NOT_CA',
  'CERT_MALFORMED',
  'BAD_SIGNATURE',
  'REVOCATION_UNKNOWN',
  'URL_REFUSED',
  'UNKNOWN_ISSUER',
]

/**
 * What became of the paths that were tried, and what to tell about them.
 *
 * A path that reached an anchor says more than one that did not. What may pass is told before what is final, as the
 * answer may still become a yes; the final reason is added to it, so that nobody waits in ignorance of it. An issuer
 * that could not be fetched makes the answer temporary unless a path that reached an anchor is refused for good.
 */
export class Outcomes {
  readonly #reached = new Best()
  readonly #unreached = new Best()

  note(failure: Failure, reachedAnchor: boolean): void {
    const best = reachedAnchor ? this.#reached : this.#unreached
    best.note(failure)
  }

  /** The one to tell; null: nothing was noted. */
  get failure(): Failure | null {
    return this.#reached.failure ?? this.#unreached.failure
  }
}

class Best {
  #temporary: Failure | null = null
  #final: Failure | null = null

  note(failure: Failure): void {
    if (failure.temporary) this.#temporary = better(this.#temporary, failure)
    else this.#final = better(this.#final, failure)
  }

  get failure(): Failure | null {
    const [temporary, final] = [this.#temporary, this.#final]
    if (temporary === null || final === null || final.code === 'UNKNOWN_ISSUER') return temporary ?? final
    return { ...temporary, text: `${temporary.text}; another path fails for good: ${final.text}` }
  }
}

function better(a: Failure | null, b: Failure): Failure {
  return a !== null && RANK.indexOf(a.code) <= RANK.indexOf(b.code) ? a : b
}
