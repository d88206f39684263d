import {
  type Attempt,
  type Certificate,
  type Purpose,
  type RevocationMode,
  type Verification,
  type VerificationContext,
  verifyCertificate,
} from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { UrlAllowance } from '../fetch/allowance.ts'
import { Gathered } from '../fetch/gathered.ts'
import { createObtain, type ObtainTools } from '../fetch/obtain.ts'
import { Pursuit } from '../fetch/pursuit.ts'

export { type FetchCache, memoryCache } from '../fetch/cache.ts'

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
  /** Milliseconds for what this judgement waits for, where it is one of several about one matter. */
  readonly patienceMs?: number
  /** What may be asked for, where it is one of several about one matter. */
  readonly allowance?: UrlAllowance
  readonly signal?: AbortSignal
}

/** Milliseconds for all that one judgement waits for. */
export const PATIENCE_MS = 30_000

export interface JudgeTools extends ObtainTools {
  readonly mode: RevocationMode
  /** Instead of `PATIENCE_MS`. */
  readonly patienceMs?: number
  /** Fires after `ms` milliseconds; `about` names the judgement that waits so long. Default: the system's timers. */
  readonly patience?: (ms: number, about: string) => AbortSignal
}

/** A CRL from the cache still speaks so long after its nextUpdate (CERT-7). */
const GRACE_MS = 72 * 3_600_000

/**
 * Judges, fetches what the verdict still wants, judges again: until nothing is wanted, or nothing more is to be had.
 * Whatever arrives first is tried first, and what is then no longer wanted is given up. Throws DirectError ABORTED.
 */
export function createJudge(tools: JudgeTools): Judge {
  const { mode, patienceMs = PATIENCE_MS, patience = (ms) => AbortSignal.timeout(ms) } = tools
  const obtain = createObtain(tools)

  return async (purpose, address, leaf, context) => {
    const { material, allowance, signal, trace, patienceMs: left = patienceMs, ...asked } = context
    const gathered = new Gathered(context.candidates, material)
    const about = `${purpose} ${address.key} ${leaf.sha256}`
    const bounds = { at: context.at, patience: () => patience(left, about), allowance, signal }
    await using pursuit = new Pursuit(obtain, gathered, bounds)
    for (;;) {
      const attempts: Attempt[] = []
      const verification = verifyCertificate(purpose, address, leaf, {
        ...asked,
        candidates: gathered.candidates,
        revocation: { mode, material: gathered.revocation, graceMs: GRACE_MS, unpointed: 'not-revocable' },
        ...(trace && { trace: (attempt: Attempt) => void attempts.push(attempt) }),
      })
      if (await pursuit.more(verification.wanted)) continue
      // Of the attempts, the last round's alone: with everything at hand that there was.
      for (const attempt of attempts) trace?.(attempt)
      return verification
    }
  }
}
