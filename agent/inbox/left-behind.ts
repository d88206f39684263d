import type { InboxEntry, Store } from '../../store/index.ts'
import { nameOf } from '../inbox.ts'
import type { Pass, Wanted } from './look.ts'

/** Messages that are kept here and have left the folder. Each is opened from what was stored. */
export interface LeftBehind {
  readonly unseen: readonly Wanted[]
  readonly undetermined: readonly Wanted[]
}

/**
 * What another client moved away, or a change of UIDVALIDITY made nameless, before it was settled: it was taken in, may
 * have been answered, and comes no more by itself (IN-10). Those that nobody waits for are settled on the way.
 */
export async function leftBehind({ mailbox, folder, present, tools }: Pass): Promise<LeftBehind> {
  const { inbox } = tools.store
  const unseen: Wanted[] = []
  const undetermined: Wanted[] = []
  for (const entry of await inbox.leftBehind(mailbox.name, folder.uidValidity, [...present])) {
    if (await isAwaited(entry, inbox)) {
      const { uidValidity, uid } = entry
      const wanted = {
        name: nameOf(mailbox, entry, uid),
        entry: () => inbox.entry(mailbox.name, uidValidity, uid),
      }
      if (entry.undetermined === null) unseen.push(wanted)
      else undetermined.push(wanted)
    } else await inbox.settled(entry.id, tools.now())
  }
  return { unseen, undetermined }
}

/** Whether it is not judged yet, or the EHR has not taken all of it. */
async function isAwaited({ id, state }: InboxEntry, inbox: Store['inbox']): Promise<boolean> {
  return state === 'stored' || (await inbox.deliveries(id)).some((delivery) => delivery.state === 'pending')
}
