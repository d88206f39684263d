/**
 * What a long history costs: a store with 100 messages whose recipients have yet to answer, beside one with 100,000. How
 * long it takes to open it and to learn what is due (every timer of the daemon), and to ask after one message.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openStore, type Store } from '../store/index.ts'
import { contest } from './harness/contest.ts'
import { compare } from './harness/figures.ts'
import type { Part } from './harness/part.ts'

const FEW = 100
const MANY = 100_000
const NOW = new Date('2026-11-22T12:00:00Z')
const now = () => NOW
const LATER = new Date(NOW.getTime() + 60_000)

const measure: Part = async ({ dir, quick, tell }) => {
  const sizes = [FEW, quick ? 1000 : MANY]
  const stores: { readonly name: string; readonly file: string; readonly count: number }[] = []
  for (const count of sizes) {
    tell(`a store with ${count} messages`)
    const file = join(dir, `store-${count}`, 'direct.db')
    await fill(file, count)
    stores.push({ name: `${count.toLocaleString('en')} messages`, file, count })
  }
  const limit = {
    of: stores[1]?.name ?? '',
    timesThatOf: stores[0]?.name ?? '',
    bound: 'at most',
    wanted: 3,
  } as const
  const rounds = { rounds: quick ? 3 : 31 }
  tell('opening')
  const opened = await contest(
    stores.map(({ name, file }) => ({ name, run: () => armed(file) })),
    rounds,
  )
  tell('asking')
  await using scope = new AsyncDisposableStack()
  const asked = await contest(
    await Promise.all(
      stores.map(async ({ name, file, count }) => {
        const store = scope.use(await openStore({ file, now }))
        return { name, run: () => store.tracking.status(`<${count >> 1}@clinic.example>`) }
      }),
    ),
    rounds,
  )
  await scope.disposeAsync()
  await Promise.all(sizes.map((count) => rm(join(dir, `store-${count}`), { recursive: true })))
  return [
    {
      title: 'A store with a long history',
      unit: 'ms',
      figures: [
        compare('open, and learn what is due', opened, [limit]),
        compare('status of one message', asked, [limit]),
      ],
      note: 'Each recipient has yet to answer; as many messages were received. What is due: the outbox, late recipients, owed receipts and notices, who waits for a route, what is unfinished in a mailbox.',
    },
  ]
}
export default measure

/** Everything that the daemon asks the store at its start, and closed again. */
async function armed(file: string): Promise<void> {
  await using store: Store = await openStore({ file, now })
  await store.outbox.nextDue()
  await store.outbox.claim(NOW, LATER)
  await store.tracking.expire(NOW, { limitMs: 3_600_000, readUntil: NOW, graceMs: 600_000 })
  await store.inbox.oweFailures(NOW, null)
  await store.inbox.noticesDue(NOW)
  await store.waiting.claim(NOW, LATER)
  await store.inbox.unfinished('mailbox', '1')
}

/** The rows of `count` messages sent and as many received, as the flows leave them; written by SQL, as that takes seconds. */
async function fill(file: string, count: number): Promise<void> {
  await (await openStore({ file, now }))[Symbol.asyncDispose]()
  const database = new DatabaseSync(file)
  database.exec('pragma synchronous = off; begin')
  const numbered = `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${count})`
  const at = NOW.getTime()
  for (const rows of [
    `bodies (id, bytes, complete, touched_at, kept) ${numbered} select n, 300, 1, ${at} - 90000000, 1 from numbers`,
    `body_chunks (body, seq, data) ${numbered} select n, 0, randomblob(300) from numbers`,
    `messages (id, message_id, kind, sender, at, documents, record_body) ${numbered}
       select n, '<' || n || '@clinic.example>', 'message', 'kim@clinic.example', ${at} - n, '[]', n from numbers`,
    `recipients (message, address, route, state, why, at, deadline) ${numbered}
       select n, 'lee@hisp.example', 'direct', 'sent', '[]', ${at} - n, ${at} + 1000 + n from numbers`,
    `copies (id, message, route, domain, mail_from, body, attempts) ${numbered}
       select n, n, 'direct', 'hisp.example', 'kim@clinic.example', n, 1 from numbers`,
    `copy_recipients (copy, seq, address, state) ${numbered} select n, 0, 'lee@hisp.example', 'accepted' from numbers`,
    `inbox_entries (id, mailbox, uid_validity, uid, state, attempts, why, recipients) ${numbered}
       select n, 'mailbox', '1', n, 'settled', 1, '[]', '[]' from numbers`,
    `inbox_deliveries (id, entry, recipient, signer, inner_sha256, state, at) ${numbered}
       select n, n, 'kim@clinic.example', 'signer', 'digest ' || n, 'delivered', ${at} from numbers`,
    `notices (kind, delivery, message_id, sender, recipient, original_message_id, state, attempts, due_at, created_at)
       ${numbered} select 'processed', n, '<n' || n || '@x>', 'a@x', 'b@y', '<o' || n || '@y>', 'sent', 1, 1, 1 from numbers`,
    `tracking_events (type, message_id, address, at, why) ${numbered} select 'processed', null, null, ${at}, '[]' from numbers`,
    `audit (at, event, message_id, documents, why) ${numbered}
       select ${at}, 'sent', '<' || n || '@clinic.example>', '[]', '[]' from numbers`,
  ])
    database.exec(`insert into ${rows}`)
  database.exec('commit')
  database.close()
}
