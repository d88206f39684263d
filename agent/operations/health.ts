import type { Store } from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import { version } from '../version.ts'
import type { Health } from './types.ts'
import type { Watch, WatchedMailbox } from './watch.ts'

/** How long a mailbox may get on with nothing before somebody should look. */
const SILENT_MS = 15 * 60_000

export interface HealthTools {
  readonly store: () => Promise<Store>
  readonly watch: Watch
  readonly now: () => Date
}

export async function health({ store, watch, now }: HealthTools): Promise<Health> {
  const at = now()
  const figures = await askStore(store)
  const mailboxes = watch.mailboxes.map((mailbox) => ({
    name: mailbox.name,
    ok: !isSilent(mailbox, at),
    lastPass: mailbox.lastPass,
    failure: mailbox.failure,
  }))
  const oldest = 'failure' in figures ? null : figures.outbox.oldest
  return {
    ok: !('failure' in figures) && mailboxes.every(({ ok }) => ok),
    store: { ok: !('failure' in figures), failure: 'failure' in figures ? figures.failure : null },
    mailboxes,
    outbox: {
      waiting: 'failure' in figures ? null : figures.outbox.copies,
      oldestSeconds:
        oldest === null ? null : Math.max(0, Math.round((at.getTime() - oldest.getTime()) / 1000)),
    },
    version: version(),
  }
}

/** The code of what is wrong with it, or its figures. */
async function askStore(store: () => Promise<Store>) {
  try {
    return await (await store()).upkeep.figures()
  } catch (error) {
    if (error instanceof DirectError) return { failure: error.code }
    throw error
  }
}

/** A mailbox that is polled seldom may be silent for longer. */
function isSilent({ aliveAt, pollSeconds }: WatchedMailbox, now: Date): boolean {
  return now.getTime() - aliveAt.getTime() > Math.max(SILENT_MS, 3 * pollSeconds * 1000)
}
