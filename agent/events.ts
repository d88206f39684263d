import { setTimeout as pause } from 'node:timers/promises'
import type { Store } from '../store/index.ts'

const POLL_MS = 1000

/** What becomes of messages that were sent, as it comes to pass, after the event `after`; else from now on. */
export async function* eventsOf(
  { tracking }: Pick<Store, 'tracking'>,
  { signal, after }: { readonly signal?: AbortSignal | undefined; readonly after?: number | undefined },
) {
  let last = after ?? (await tracking.lastEvent())
  while (!signal?.aborted) {
    const events = await tracking.events(last)
    for (const event of events) {
      if (signal?.aborted) return
      last = event.id
      yield event
    }
    // A long list comes in pieces, one after the other.
    if (events.length === 0) await pause(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
}
