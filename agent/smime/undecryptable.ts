import type { MessageCode, Reason } from '../errors.ts'
import { MimeError } from '../mime/error.ts'
import { CmsError } from './ber/error.ts'

/** One text for everything that goes wrong once the algorithms are known to be accepted (protocol.md ALG-2). */
export const UNDECRYPTABLE: Reason<MessageCode> = {
  code: 'UNDECRYPTABLE',
  text: 'the message could not be decrypted, or what was decrypted makes no sense',
}

/**
 * What a reader found wrong with decrypted content. Nothing has been authenticated yet: what cannot be read may have been
 * garbled before it was decrypted (ALG-2). Throws what is no error of content.
 */
export function reasonOf(error: unknown): Reason<MessageCode> {
  if (!(error instanceof MimeError || error instanceof CmsError)) throw error
  if (error.code === 'MALFORMED') return UNDECRYPTABLE
  return { code: error.code, text: `the signed message makes no sense: ${error.message}` }
}

/** What a step gives, or what is wrong with what it read, by `reasonOf`. */
export function orReason<T>(step: () => T): T | Reason<MessageCode> {
  try {
    return step()
  } catch (error) {
    return reasonOf(error)
  }
}
