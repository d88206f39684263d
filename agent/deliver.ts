import { pauseAfter } from './deliver/pauses.ts'
import type { Destination, Taken } from './deliver/types.ts'
import type { Untaken } from './deliver/untaken.ts'
import { type HeldMessage, takeWaiting, type WaitingTools } from './deliver/waiting.ts'
import { DirectError, type Reason } from './errors.ts'
import { messageIdOf } from './open/report.ts'

/** What handing messages to the EHR by the clock drives. */
export interface DeliverTools extends WaitingTools {
  readonly destination: Destination
  /** Hears of each message that is not taken, until it is. */
  readonly untaken: Untaken
  /** How long a message is tried; then it is rejected, and its author is told (N-4). */
  readonly giveUpMs: number
  /** From 0 up to 1. */
  readonly random: () => number
  /** Hears what became of each try. */
  readonly onTaken?: (outcome: Taken['outcome']) => void
}

/**
 * Hands over what is due, one message after the other; several at once share the work. Each is tried until the destination
 * has taken or rejected it, with growing pauses, and comes under the same key each time. A fault of ours is thrown once
 * the message that it concerns is put off.
 */
export async function deliverWaiting(tools: DeliverTools, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted) {
    await using held = await takeWaiting(tools, signal)
    if (held === null) return
    await handOver(held, tools, signal)
  }
}

async function handOver(held: HeldMessage, tools: DeliverTools, signal?: AbortSignal): Promise<void> {
  const { destination, untaken, giveUpMs, random, log, onTaken } = tools
  const { offered } = held
  const facts = { messageId: messageIdOf(offered.judged), innerSha256: offered.message.innerSha256 }
  const attempts = held.attempts + 1
  const later = async (why: readonly Reason[]): Promise<void> => {
    const pause = pauseAfter(attempts, giveUpMs, random)
    if (pause === null) {
      if (!(await held.giveUp(why))) return
      untaken.givenUp(offered.key)
      log.warn({ ...facts, attempts }, 'not delivered, and given up: its author is told')
      onTaken?.('rejected')
    } else {
      await held.putOff(pause, true, why)
      onTaken?.('later')
    }
  }
  const taken = await destination.deliver(offered, signal).catch(async (error: unknown) => {
    // Whoever was stopped has not failed: the next run goes on at once.
    if (!signal?.aborted) await later([reasonOf(error)])
    throw error
  })
  if (taken.outcome === 'later') {
    const [cause] = taken.why
    if (cause) untaken.notTaken(offered.key, cause)
    return await later(taken.why)
  }
  await held.settle(taken)
  untaken.taken(offered.key)
  if (taken.outcome === 'delivered') {
    log.info({ ...facts, where: taken.where }, 'delivered')
    await taken.recorded?.()
  } else log.warn(facts, 'rejected by the EHR: its author is told')
  onTaken?.(taken.outcome)
}

/** What a fault of ours says could quote a message. */
function reasonOf(error: unknown): Reason {
  if (error instanceof DirectError) return { code: error.code, text: error.message }
  return { code: 'BUG', text: 'a bug in direct-agent' }
}
