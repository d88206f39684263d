import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import { fieldOf, headOf } from './headers.ts'
import type { Injected } from './inject.ts'
import { stateOf } from './ledger.ts'
import type { World } from './world.ts'

const WITHIN_MS = 120_000
const BETWEEN_LOOKS_MS = 200
/** What a server has just taken may not lie in its queue yet. */
const LOOKS = 3

/** Fulfilled when the sender knows that everything arrived that the mail servers have; or nothing more becomes known. */
export async function serverDone(
  { b, mail }: World,
  sender: Agent,
  injected: readonly Injected[],
): Promise<void> {
  const ours = new Set(injected.map(({ messageId }) => messageId))
  await using inbox = await b.folder('INBOX')
  const read = new Set<number>()
  const unanswered = new Set<string>()
  let newsAt = performance.now()
  for (
    let quiet = 0;
    quiet < LOOKS && performance.now() - newsAt < WITHIN_MS;
    await pause(BETWEEN_LOOKS_MS)
  ) {
    const queued = await mail.smtp.queued()
    const fresh = (await inbox.uids()).filter((uid) => !read.has(uid))
    for (const uid of fresh) {
      read.add(uid)
      const messageId = fieldOf(await headOf(inbox, uid), 'Message-ID') ?? ''
      if (ours.has(messageId)) unanswered.add(messageId)
    }
    const before = unanswered.size
    for (const messageId of unanswered)
      if ((await stateOf(sender, messageId)) === 'processed') unanswered.delete(messageId)
    if (fresh.length > 0 || unanswered.size < before) newsAt = performance.now()
    quiet = queued === 0 && fresh.length === 0 && unanswered.size === 0 ? quiet + 1 : 0
  }
}
