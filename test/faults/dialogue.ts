import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import type { ImapFolder } from '../../mailbox/index.ts'
import type { Ehr } from './ehr.ts'

/** How long the outbox waits for an MDN before it repeats what the server may have, and a moment more. */
export const IN_DOUBT_MS = 121_000

/** How long what a process held that was killed stays held, and a moment more. */
export const HELD_MS = 31_000

/** How long an MDN takes, at the very most, from one message to the next. */
export const ANSWERED_WITHIN_MS = 8000

/** Fulfilled when there is something in the folder. */
export async function arrived(folder: ImapFolder): Promise<void> {
  while ((await folder.uids()).length === 0) await pause(5)
}

/** So that the next dialogue is not longer than the last. */
export async function emptied(folder: ImapFolder): Promise<void> {
  for (const uid of await folder.uids()) await folder.moveTo(uid, 'Done')
}

/** One pass; that its server went away is no news. */
export async function pass(receiver: Agent, ehr: Ehr): Promise<void> {
  try {
    for await (const _ of receiver.receiveOnce({ deliverTo: ehr.dir }));
  } catch (error) {
    if ((error as { code?: string }).code !== 'IMAP_UNREACHABLE') throw error
  }
}
