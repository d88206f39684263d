import type { MessageCode, Reason } from '../errors.ts'

/** One text for everything that goes wrong once the algorithms are known to be accepted (protocol.md ALG-2). */
export const UNDECRYPTABLE: Reason<MessageCode> = {
  code: 'UNDECRYPTABLE',
  text: 'the message could not be decrypted, or what was decrypted makes no sense',
}
