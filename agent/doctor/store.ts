import type { Store } from '../../store/index.ts'
import { notIn } from '../upkeep/not-in.ts'
import { ok, type Said } from './finding.ts'
import type { Check, DoctorTools } from './tools.ts'

/** From then on, somebody should look why: whatever was tried, */
const WAITING_MS = 3_600_000
/** and where nobody tries what is due. */
const UNTRIED_MS = 5 * 60_000

/** The store opens, is of this version, its outbox moves, and what it has taken in is finished by somebody. */
export async function* checkStore(tools: DoctorTools): ReturnType<Check> {
  const { existingStore, olderStore, settings, now } = tools
  const older = await olderStore()
  if (older !== null) {
    yield {
      level: 'warning',
      code: 'STORE_OLDER',
      about: null,
      text: `this store is of version ${older.version}: the next run brings it up to version ${older.newest}, and what is in it was not looked at`,
      do: 'Before that, copy what lies in dataDir, or the database: an older direct-agent reads no newer store. Ask again afterwards.',
    }
    return
  }
  const store = await existingStore()
  if (store === null) {
    yield ok('STORE_NEW', 'there is no store yet; it is made when it is needed')
    return
  }
  const { outbox, auditRows } = await store.upkeep.figures()
  yield ok(
    'STORE_OPENS',
    `the store opens; rows of audit: ${auditRows}, copies in the outbox: ${outbox.copies}`,
  )
  const since = (time: Date | null) => (time === null ? 0 : now().getTime() - time.getTime())
  const isUntried = since(outbox.dueSince) > UNTRIED_MS
  if (isUntried || since(outbox.oldest) > WAITING_MS)
    yield {
      level: 'warning',
      code: 'OUTBOX_WAITS',
      about: null,
      text: `${outbox.copies} copies wait for SMTP, the oldest since ${outbox.oldest?.toISOString()}${
        isUntried ? `; nobody has tried what is due since ${outbox.dueSince?.toISOString()}` : ''
      }`,
      do: 'See whether the daemon runs, and "direct status" for what the server said.',
    }
  yield* checkMailboxes(store, settings)
}

async function* checkMailboxes(
  { upkeep }: Store,
  { mailboxes }: DoctorTools['settings'],
): AsyncGenerator<Said> {
  const known = await upkeep.mailboxes('all')
  const left = notIn(mailboxes, known)
  for (const { name, unfinished } of left)
    if (unfinished > 0)
      yield {
        level: 'error',
        code: 'MAILBOX_LEFT',
        about: name,
        text: `${unfinished} message(s) of the mailbox ${name} are stored and not finished, and no entry of mailboxes has that name`,
        do: `If the mailbox was renamed or has moved, give its entry "name: ${name}". If it is gone, add an entry with that name and its addresses, for an empty folder of another mailbox, until they are finished.`,
      }
  if (left.length === 0) return
  for (const { name } of notIn(known, mailboxes))
    yield {
      level: 'note',
      code: 'MAILBOX_NEW',
      about: name,
      text: `nothing was taken from the mailbox ${name} yet; the store knows ${left.map((one) => one.name).join(', ')}, which the configuration does not name`,
      do: 'If it is one of these under another name, give its entry that name ("name: …") before the daemon runs: else all its mail counts as new, in the audit too. Nothing is delivered twice.',
    }
}
