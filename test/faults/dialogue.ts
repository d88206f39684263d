import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import type { ImapFolder } from '../../mailbox/index.ts'
import type { CliClinic } from '../interop/cli-clinic.ts'
import type { Ehr } from './ehr.ts'
import type { World } from './world.ts'

/** How long the outbox waits for an MDN before it repeats what the server may have, and a moment more. */
export const IN_DOUBT_MS = 121_000

/**
 * After the last message is known: long enough for a second answer that is on its way to come. One that is not on its way
 * yet stands in the audit.
 */
export const QUIET_MS = 1500

/** How long what a process held that was killed stays held, and a moment more. */
export const HELD_MS = 31_000

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

/** A configuration of a clinic that hands its mail over at another port; its name. */
export function smtpAt(clinic: CliClinic, { mail }: World, port: number, name: string): Promise<string> {
  return clinic.variant(name, { [`smtp://127.0.0.1:${mail.smtp.port}`]: `smtp://127.0.0.1:${port}` })
}
