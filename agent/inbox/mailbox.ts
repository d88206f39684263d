import type { MailServer } from '../../mailbox/index.ts'
import type { MailboxSettings } from '../settings.ts'

/** One mailbox, and the server it lives on with its secrets read. */
export interface Mailbox {
  /** Names the mailbox in the ledger: that of its settings. */
  readonly name: string
  readonly server: MailServer
  readonly settings: MailboxSettings
}
