import type { InboxEntry, Judgement, Store } from '../../store/index.ts'
import { DirectError, type MessageCode } from '../errors.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import type { MailboxSettings } from '../settings.ts'
import type { Place } from './place.ts'

/** A row with the exact reason, and then the folder for refused mail; nothing leaves the system (IN-9). */
export async function putAside(
  entry: InboxEntry,
  judgement: Judgement,
  place: Place,
  { asideFolder }: MailboxSettings,
  { store, now }: { readonly store: Store; readonly now: () => Date },
): Promise<void> {
  const deliveries = await store.inbox.judged(entry.id, judgement, [], now())
  try {
    await place.moveTo(entry.uid, asideFolder)
  } catch (error) {
    // A server that will not move it must not keep the others waiting: the row says it all, the mail stays, as seen.
    if (!(error instanceof DirectError) || error.temporary) throw error
    place.refused(error)
    await place.flagSeen(entry.uid)
  }
  // Trust that was withdrawn before the EHR took the message: what waited for it will not come.
  const withdrawn = deliveries
    .filter(({ fresh, state }) => fresh && state === 'pending')
    .map(({ id }) => ({ delivery: id, outcome: 'rejected' as const, where: null, withdrawn: true }))
  await store.inbox.settle(entry.id, withdrawn, now())
}

/**
 * Ends what cannot be opened any more, as neither the store nor its folder has it as it came. An author who was told that
 * it had been processed is told that it failed (N-4).
 */
export async function giveUp(
  entry: InboxEntry,
  { store, now }: { readonly store: Store; readonly now: () => Date },
): Promise<void> {
  const deliveries = await store.inbox.judged(entry.id, DAMAGED, [], now())
  const lost = deliveries
    .filter(({ fresh, state }) => fresh && state === 'pending')
    .map(({ id }) => ({ delivery: id, outcome: 'rejected' as const, where: null, why: DAMAGED.why }))
  await store.inbox.settle(entry.id, lost, now())
}

/** A message that stopped the process this often is put aside unopened, so that the others flow. */
export const MOST_ATTEMPTS = 3

function unopened(code: MessageCode, text: string): Judgement & { readonly verdict: 'reject' } {
  return {
    verdict: 'reject',
    code,
    messageId: null,
    from: null,
    signer: null,
    innerSha256: null,
    why: [{ code, text }],
    recipients: [],
  }
}

function reported(judgement: Judgement, code: MessageCode): ReceiveReport {
  return {
    ...judgement,
    verdict: 'reject',
    code,
    signer: null,
    to: [],
    deliveredTo: null,
    recipients: [],
  }
}

export const POISON = unopened(
  'LIMIT_EXCEEDED',
  `opening this message was begun ${MOST_ATTEMPTS} times and never ended`,
)
export const POISON_REPORT = reported(POISON, 'LIMIT_EXCEEDED')

export const DAMAGED = unopened(
  'STORE_DAMAGED',
  'what was stored of this message is not what came, and its folder does not have it any more',
)
export const DAMAGED_REPORT = reported(DAMAGED, 'STORE_DAMAGED')
