import type { Store } from '../../store/index.ts'
import { version } from '../version.ts'
import { askStore } from './ask-store.ts'
import type { Health } from './types.ts'
import type { Watch, WatchedMailbox } from './watch.ts'

/** How long a mailbox may get on with nothing before somebody should look. */
const SILENT_MS = 15 * 60_000

export interface HealthTools {
  readonly store: () => Promise<Store>
  readonly watch: Watch
  readonly now: () => Date
  /** How long the store may take to answer, in milliseconds. */
  readonly patienceMs?: number
}

export async function health({ store, watch, now, patienceMs }: HealthTools): Promise<Health> {
  const at = now()
  const { figures, failure: noAnswer } = await askStore(store, patienceMs)
  const failure = noAnswer ?? watch.storeFailure
  const mailboxes = watch.mailboxes.map((mailbox) => ({
    name: mailbox.name,
    ok: !isSilent(mailbox),
    lastPass: mailbox.lastPass,
    failure: mailbox.failure,
  }))
  const secondsSince = (oldest: Date | null) =>
    oldest === null ? null : Math.max(0, Math.round((at.getTime() - oldest.getTime()) / 1000))
  return {
    ok: failure === null && mailboxes.every(({ ok }) => ok),
    store: { ok: failure === null, failure },
    mailboxes,
    outbox: {
      waiting: figures?.outbox.copies ?? null,
      oldestSeconds: secondsSince(figures?.outbox.oldest ?? null),
    },
    deliveries: {
      waiting: figures?.deliveries.waiting ?? null,
      oldestSeconds: secondsSince(figures?.deliveries.oldest ?? null),
    },
    version: version(),
  }
}

/** A mailbox that is polled seldom may be silent for longer. */
function isSilent({ silentMs, pollSeconds }: WatchedMailbox): boolean {
  return silentMs > Math.max(SILENT_MS, 3 * pollSeconds * 1000)
}
