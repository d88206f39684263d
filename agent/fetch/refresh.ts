import type { Fetches, StoredFetch } from '../../store/index.ts'
import type { GuardedFetch } from '../fetch.ts'
import type { Log } from '../log.ts'
import { mayReplace, readMaterial, requestFor } from './material.ts'

export interface RefreshTools {
  readonly fetches: Fetches
  readonly fetch: GuardedFetch
  readonly now: () => Date
  readonly log: Log
}

const DAY = 24 * 3_600_000
/** What nobody's judgement asked for within this time is left to end. */
const USED_WITHIN_MS = 30 * DAY
const MOST_AT_ONCE = 200
const ABREAST = 4
/** A host that gave nothing lets the others have their turn first. */
const RETRY_MS = 15 * 60_000

/**
 * Fetches anew what is due, ahead of need, so that no message waits for a CA's server and a dead one has days to come
 * back (CERT-7). What does not answer, cannot be read or is older leaves what there is. Call it every few minutes: a
 * call with nothing due is one query. Throws ABORTED, and STORE_FAILED.
 */
export async function refreshFetched(tools: RefreshTools, signal?: AbortSignal): Promise<void> {
  const now = tools.now()
  const usedSince = new Date(now.getTime() - USED_WITHIN_MS)
  const due = (await tools.fetches.due(now, usedSince, MOST_AT_ONCE)).values()
  const worker = async () => {
    for (const one of due) await refresh(one, tools, signal)
  }
  await Promise.all(Array.from({ length: ABREAST }, worker))
}

async function refresh(
  { key, url, kind, request }: Omit<StoredFetch, 'body'>,
  { fetches, fetch, now, log }: RefreshTools,
  signal: AbortSignal | undefined,
): Promise<void> {
  const leave = async (why: string) => {
    log.warn({ url, kind }, `not refreshed: ${why}`)
    await fetches.postpone(key, new Date(now().getTime() + RETRY_MS))
  }
  const got = await fetch({ ...requestFor(kind, url, request), ...(signal && { signal }) })
  if (got.status !== 'ok') return leave(got.text)
  const fetchedAt = now()
  const fresh = readMaterial(kind, got.body, fetchedAt)
  if ('code' in fresh) return leave(fresh.text)
  const kept = await fetches.get(key, null)
  const old = kept && readMaterial(kind, kept.body, kept.fetchedAt)
  if (old && !('code' in old) && !mayReplace(fresh, old, fetchedAt))
    return leave(`what it gives is of ${fresh.madeAt.toISOString()}, older than what is kept`)
  const { refreshAt } = fresh
  await fetches.put({ key, url, kind, request, body: got.body, fetchedAt, refreshAt }, fetchedAt)
  log.info({ url, kind, refreshAt }, 'refreshed')
}
