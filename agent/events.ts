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
    for (const event of await tracking.events(last)) {
      last = event.id
      yield event
    }
    await pause(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
}
