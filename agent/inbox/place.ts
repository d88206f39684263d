import type { ImapFolder } from '../../mailbox/index.ts'
import type { DirectError } from '../errors.ts'

/** Where a message lies, as far as acting on it goes. */
export interface Place extends Pick<ImapFolder, 'moveTo'> {
  flagSeen(uid: number): Promise<void>
  /** Told at the end of the pass. */
  refused(error: DirectError): void
}

/** Of a message that has left its folder. Its UID is not spoken of: under another UIDVALIDITY it is another message's. */
export const GONE: Place = {
  async flagSeen() {},
  refused() {},
  async moveTo() {},
}
