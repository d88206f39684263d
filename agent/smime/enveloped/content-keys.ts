import { randomBytes } from 'node:crypto'
import { DirectError } from '../../errors.ts'
import { type ContentEncryption, keyBytes } from '../algorithms.ts'
import type { Candidate } from './recipients.ts'

/** What the private keys make of the RecipientInfos that name them. */
export interface ContentKeys {
  readonly answers: readonly { readonly candidate: Candidate; readonly key: Uint8Array }[]
  /** KEY_UNREACHABLE of the first one that lives elsewhere and could not be asked. */
  readonly keyAway: DirectError | null
}

/**
 * Asks every key, whatever another one answers (ALG-2), and all at once: what is away is waited for no longer than once.
 * Throws what else a key rejects with.
 */
export async function contentKeys(
  candidates: readonly Candidate[],
  encryption: ContentEncryption,
): Promise<ContentKeys> {
  const asked = await Promise.all(
    candidates.map(async (candidate) => {
      const key = await contentKey(candidate, encryption).catch(orAway)
      return key instanceof DirectError ? key : { candidate, key }
    }),
  )
  return {
    answers: asked.flatMap((one) => (one instanceof DirectError ? [] : [one])),
    keyAway: asked.find((one) => one instanceof DirectError) ?? null,
  }
}

function orAway(error: unknown): DirectError {
  if (error instanceof DirectError && error.code === 'KEY_UNREACHABLE') return error
  throw error
}

/**
 * ALG-2: where the key cannot be had, or has the wrong length, a random one takes its place, and decryption goes on to
 * the end all the same; what a sender can learn from the time it took is nothing.
 */
async function contentKey(candidate: Candidate, { cipher }: ContentEncryption): Promise<Uint8Array> {
  const key = await candidate.contentKey()
  const random = randomBytes(keyBytes(cipher))
  return key?.length === random.length ? key : random
}
