import { inOrder } from '../book/in-order.ts'
import { isNotification } from '../mdn.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import { actOnFirst, type FirstLook, firstLook } from './first-look.ts'
import type { Look } from './look.ts'
import type { Patience } from './patience.ts'
import { Turns } from './turns.ts'
import type { Pass, Wanted } from './wanted.ts'

/** New messages that are opened, acted upon and taken side by side: as many as may share a transaction of the store. */
const ABREAST = 32

/** New mail, several at once. The same message twice, and what one author says of ours, is acted upon in the order of the folder. */
export async function* sideBySide(
  all: readonly Wanted[],
  patience: Patience,
  pass: Pass,
): AsyncGenerator<ReceiveReport> {
  const turns = new Turns()
  const act = async (first: FirstLook): Promise<readonly ReceiveReport[]> => {
    await using look = first.look
    if (look === null || first.cutShort !== null) return await actOnFirst(first, pass)
    return await turns.take(turnOf(look), () => actOnFirst(first, pass))
  }
  /** All who are ahead have asked for their turn. */
  let ahead: Promise<unknown> = Promise.resolve()
  const work = async (wanted: Wanted) => {
    const looking = firstLook(wanted, patience, pass)
    const begun = Promise.allSettled([ahead, looking]).then(async () => ({ acting: act(await looking) }))
    ahead = begun.catch(() => undefined)
    return await (await begun).acting
  }
  for await (const reports of inOrder(untilStopped(all, pass), work, { ahead: ABREAST })) yield* reports
}

function* untilStopped(all: readonly Wanted[], { signal }: Pass): Generator<Wanted> {
  for (const one of all) {
    if (signal?.aborted) return
    yield one
  }
}

function turnOf({ name, judged }: Look): string {
  if (typeof judged === 'string') return name
  const { facts, innerSha256 } = judged
  const isReport = facts !== null && isNotification(facts)
  return isReport ? `said by ${facts.from.mailboxes[0]?.address.key}` : (innerSha256 ?? name)
}
