import { DirectError } from '../errors.ts'
import type { Settings } from '../settings.ts'

/** What a configuration has the daemon do. */
export interface Configured {
  /** There is a file, and it says nothing: no byte, or comments alone. */
  readonly isEmpty: boolean
  /** The mailboxes' names: `user@host:port/folder`, or as configured. */
  readonly mailboxes: readonly string[]
  /** Whether messages are handed to SMTP. */
  readonly smtp: boolean
  /** Where trusted messages go; null: nowhere, unless `run` is told where. */
  readonly deliver: 'folder' | 'webhook' | null
  /** Whether DNS is answered for our names (`publish.listen`). */
  readonly publishes: boolean
}

export function configuredIn({ isEmpty = false, mailboxes, smtp, deliver, publish }: Settings): Configured {
  const destination = deliver && ('folder' in deliver ? 'folder' : 'webhook')
  return {
    isEmpty,
    mailboxes: mailboxes.map(({ name }) => name),
    smtp: smtp !== undefined,
    deliver: destination ?? null,
    publishes: publish.listen !== undefined,
  }
}

/**
 * Throws DirectError CONFIG_INVALID where a daemon would run and do nothing: a file that was emptied, or cut short as it
 * was written, is valid, and must not pass for a configuration.
 */
export function requireDuties(settings: Settings): void {
  const { mailboxes, smtp, publishes } = configuredIn(settings)
  if (mailboxes.length > 0 || smtp || publishes) return
  throw new DirectError(
    'CONFIG_INVALID',
    `${settings.origin}: there is nothing for a daemon to do: no mailboxes, no smtp and no publish.listen`,
    {
      hint: 'Add what it is to do. Where all of it was there before, the file was emptied or cut short: take it from your copy.',
    },
  )
}
