import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { deliveryName, leftIn } from '../deliver/leftovers.ts'
import { DirectError } from '../errors.ts'
import type { Said } from './finding.ts'
import type { DoctorTools } from './tools.ts'

/** Filing a message takes seconds; what has waited since then is no process's any more. */
const OLD_MS = 24 * 3_600_000

/**
 * What kills left beside the messages in the folder of the EHR, in the clear, and no pass will take away: its delivery is not
 * known to wait, and may have been removed by retention, or be that of another store that files into the same folder. That is
 * for a person to say.
 */
export async function* checkLeft({ deliverTo, existingStore, now }: DoctorTools): AsyncGenerator<Said> {
  if (deliverTo === undefined) return
  try {
    const waiting = (await (await existingStore())?.deliveries.untaken(now())) ?? []
    const names = new Set(waiting.map(({ key }) => deliveryName(key)))
    const left: string[] = []
    for (const { name, delivery } of await leftIn(deliverTo))
      if (!names.has(delivery) && (await isOld(join(deliverTo, name), now()))) left.push(name)
    const [first] = left
    if (first === undefined) return
    yield {
      level: 'warning',
      code: 'DELIVER_LEFT',
      about: deliverTo,
      text: `${left.length} unfinished folder(s) have lain in ${deliverTo} for more than a day, and no message that waits is theirs: ${first}${left.length > 1 ? ' …' : ''}`,
      do: 'They may hold messages in the clear. What this store knows to be settled goes with the next message that is filed. If they stay, and no other direct-agent with a store of its own files into that folder, remove them by hand.',
    }
  } catch (error) {
    // What is wrong with the store, or with the folder, others say.
    if (!(error instanceof DirectError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error
  }
}

async function isOld(path: string, now: Date): Promise<boolean> {
  // Whoever was at it has just finished.
  const found = await stat(path).catch(() => null)
  return found !== null && now.getTime() - found.mtimeMs > OLD_MS
}
