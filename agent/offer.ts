import { setTimeout as pause } from 'node:timers/promises'
import { DirectError } from './errors.ts'
import type { InboxTools, Mailbox } from './inbox.ts'
import type { Log } from './log.ts'
import { offerNew } from './receive.ts'
import type { Delivery } from './receiving-types.ts'
import { logReport } from './run.ts'

/** What offering messages to an EHR drives. */
export interface OfferTools {
  readonly mailboxes: readonly Mailbox[]
  readonly inbox: () => Promise<InboxTools>
  /** After each pass: MDNs and mail that are owed leave, and what is due is refreshed. */
  readonly beside: (signal: AbortSignal) => Promise<void>
  readonly log: Log
}

/**
 * Trusted messages for an EHR that takes them itself: pass after pass over all mailboxes, until `signal` aborts. A
 * server that is away comes back; a wrong password does not mend itself, and is thrown.
 */
export async function* offerAll(tools: OfferTools, signal?: AbortSignal): AsyncGenerator<Delivery> {
  const { mailboxes, log } = tools
  const seconds = Math.min(...mailboxes.map(({ settings }) => settings.pollSeconds))
  const stop = new AbortController()
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  // Beside the mailboxes, not between them: an SMTP server that hangs must not hold up what comes in.
  let working: Promise<void> | null = null
  let failure: unknown = null
  const startBeside = () => {
    working ??= tools
      .beside(stopped)
      .catch((error) => {
        failure = error
      })
      .finally(() => {
        working = null
      })
  }
  try {
    while (!signal?.aborted) {
      try {
        yield* offerNew(mailboxes, await tools.inbox(), (report) => logReport(report, log), signal)
        if (failure !== null) throw failure
      } catch (error) {
        failure = null
        if (!(error instanceof DirectError && error.temporary)) throw error
        log.warn({ code: error.code }, error.message)
      }
      startBeside()
      await pause(seconds * 1000, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    stop.abort()
    await working
  }
}
