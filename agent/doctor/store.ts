import { ok } from './finding.ts'
import type { Check } from './tools.ts'

/** From then on, somebody should look why. */
const WAITING_MS = 3_600_000

/** The store opens, is of this version, and its outbox moves. */
export async function* checkStore({ existingStore, now }: Parameters<Check>[0]): ReturnType<Check> {
  const store = await existingStore()
  if (store === null) {
    yield ok('STORE_NEW', 'there is no store yet; it is made when it is needed')
    return
  }
  const { outbox, auditRows } = await store.upkeep.figures()
  yield ok(
    'STORE_OPENS',
    `the store opens; ${auditRows} rows of audit, ${outbox.copies} copies in the outbox`,
  )
  const waiting = outbox.oldest === null ? 0 : now().getTime() - outbox.oldest.getTime()
  if (waiting > WAITING_MS)
    yield {
      level: 'warning',
      code: 'OUTBOX_WAITS',
      about: null,
      text: `${outbox.copies} copies wait for SMTP, the oldest since ${outbox.oldest?.toISOString()}`,
      do: 'See whether the daemon runs, and "direct status" for what the server said.',
    }
}
