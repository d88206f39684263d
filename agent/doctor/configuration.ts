import { namesOf, ownFiles } from '../identities/files.ts'
import { ok } from './finding.ts'
import type { Check } from './tools.ts'

/** Passes over a mailbox that must fit into the time limit, so that a receipt that came in time is seen in time. */
const PASSES = 3

/** What is missing, and what does not fit together; what is wrong in the file itself was told when it was read. */
export async function* checkConfiguration({ settings, deliverTo }: Parameters<Check>[0]): ReturnType<Check> {
  const { origin, mailboxes, smtp, notifications, deliver } = settings
  const names = namesOf(await ownFiles(settings))
  yield ok(
    'CONFIGURATION_READ',
    `${origin}: for ${names.join(', ') || 'nobody'}; ${mailboxes.length === 1 ? '1 mailbox' : `${mailboxes.length} mailboxes`}, ${smtp === undefined ? 'no relay' : 'a relay'}`,
  )
  if (names.length === 0)
    yield {
      level: 'error',
      code: 'IDENTITY_MISSING',
      about: null,
      text: 'there is no certificate of ours: nothing can be sent or opened',
      do: '"direct init" begins an installation; "direct cert request" asks for a certificate.',
    }
  if (smtp === undefined)
    yield {
      level: 'warning',
      code: 'NO_RELAY',
      about: 'smtp',
      text: 'no relay is configured: messages and receipts wait in the outbox',
      do: 'Add smtp with the url of your mail server.',
    }
  if (mailboxes.length === 0)
    yield {
      level: 'warning',
      code: 'NO_MAILBOX',
      about: 'mailboxes',
      text: 'no mailbox is configured: nothing is received, and no receipt is seen',
      do: 'Add an entry to mailboxes with the imap URL and the addresses that it receives for.',
    }
  if (deliver !== undefined && 'webhook' in deliver && deliverTo !== undefined)
    yield {
      level: 'warning',
      code: 'WEBHOOK_UNUSED',
      about: 'deliver.webhook',
      text: `with --deliver, messages become folders in ${deliverTo}, and the EHR is told nothing by HTTP`,
      do: 'Take --deliver out of the command that starts the daemon (ExecStart of its unit), or deliver out of the configuration.',
    }
  for (const { name, pollSeconds } of mailboxes)
    if (notifications.timeoutMs < PASSES * pollSeconds * 1000)
      yield {
        level: 'warning',
        code: 'POLLED_TOO_SELDOM',
        about: name,
        text: `its pollSeconds is ${pollSeconds}, and notifications.timeoutMinutes is ${notifications.timeoutMs / 60_000}: receipts that came in time may be seen too late`,
        do: `Set pollSeconds to a third of the time limit or less.`,
      }
  for (const name of names)
    if (mailboxes.length > 0 && !mailboxes.some(({ addresses }) => receives(addresses, name)))
      yield {
        level: 'warning',
        code: 'NOT_RECEIVED',
        about: name,
        text: `no mailbox receives for ${name}`,
        do: `Add ${name} to the addresses of the mailbox that its mail comes to.`,
      }
}

function receives(addresses: readonly string[] | null, name: string): boolean {
  if (addresses === null || addresses.includes(name)) return true
  const domain = name.split('@').at(-1)
  // A domain's certificate may serve mailboxes of single addresses.
  return addresses.some((address) => address === domain || address.split('@').at(-1) === name)
}
