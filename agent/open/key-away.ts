import type { Address } from '../address.ts'
import { DirectError } from '../errors.ts'
import type { MessageVerdict } from './verdict.ts'

/**
 * The verdict on a message whose key lives elsewhere, where what holds it is away: it waits, however long that takes, as
 * nothing about it is known. Any other error is thrown.
 */
export function whileKeyIsAway(error: unknown, recipients: readonly Address[]): MessageVerdict {
  if (!(error instanceof DirectError && error.code === 'KEY_UNREACHABLE')) throw error
  const { code, message: text } = error
  const undecided = { verdict: 'undetermined', code, why: [{ code, text }] } as const
  return {
    ...undecided,
    trusted: null,
    recipients: recipients.map((address) => ({ address, ...undecided })),
  }
}
