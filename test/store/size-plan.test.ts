import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { openStore, type Store } from '../../store/index.ts'
import { folder } from './places.ts'
import { accepted, all, at, bytes, message } from './scenario.ts'

/*
 * Whether a table is searched or read from end to end is asked of SQLite itself: a clock tells nothing on a busy machine.
 * The figures are those of `npm run bench -- store-size`.
 */

/** A few of everything, settled and open. */
async function furnish(store: Store): Promise<void> {
  for (let n = 1; n <= 20; n++) {
    const body = await store.bodies.write(bytes('sealed'))
    await store.outbox.add(
      message(body, { messageId: `<m${n}@clinic.example>`, recordBody: body, at: at(n) }),
    )
    const entry = await store.inbox.begin('m', '1', n, await store.bodies.write(bytes('received')))
    const judgement = accepted(['kim@clinic.example'], { innerSha256: String(n).padStart(64, '0') })
    await store.inbox.judged(entry.id, judgement, [], at(n))
  }
}

/** The tables that grow with history, and that a call reads from end to end. */
async function readWhole(
  file: string,
  act: (store: Store) => Promise<unknown>,
  opened = true,
): Promise<string[]> {
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare')
  try {
    await using store = await openStore({ file, now: () => at(100) })
    if (opened) prepare.mockClear()
    await act(store)
    const statements = [...new Set(prepare.mock.calls.map(([sql]) => sql))]
    prepare.mockRestore()
    return statements.flatMap((sql) => scansOf(file, sql))
  } finally {
    prepare.mockRestore()
  }
}

function scansOf(file: string, sql: string): string[] {
  if (!/^\s*(select|update|delete|insert|with)/i.test(sql)) return []
  const database = new DatabaseSync(file)
  const plan = database.prepare(`explain query plan ${sql}`).all() as unknown as readonly { detail: string }[]
  database.close()
  // A row or a few from the newest end.
  if (/^select [^()]* order by "id" desc limit 0 \+ \?$/.test(sql)) return []
  return plan
    .map(({ detail }) => detail)
    .filter((line) => line.startsWith('SCAN ') && !SMALL.some((name) => line.startsWith(`SCAN ${name}`)))
    .filter((line) => !PARTIAL.some((name) => line.endsWith(name)))
    .map((line) => `${line}: ${sql}`)
}

/** Tables of one row, or that grow with the number of versions or of those who wait. */
const SMALL = [
  'schema_versions',
  'audit_head',
  'waiting_messages',
  'trust_revisions',
  'sqlite_schema',
  'pragma_',
]
/** Indexes that hold what is open alone. */
const PARTIAL = ['recipients_by_deadline', 'recipients_untold', 'bodies_loose', 'inbox_deliveries_due']

async function world() {
  const temporary = await folder()
  await using store = await temporary.open({ now: () => at(100) })
  await furnish(store)
  return temporary
}

test('opening a store reads no table that grows with history from end to end', async () => {
  await using temporary = await world()
  expect(await readWhole(temporary.file, async () => undefined, false)).toEqual([])
})

test.each<[string, (store: Store) => Promise<unknown>]>([
  ['the status of one message', (store) => store.tracking.status('<m7@clinic.example>')],
  ['a message by its idempotency key', (store) => store.outbox.byIdempotencyKey('visit-1')],
  ['when the outbox is due', (store) => store.outbox.nextDue()],
  ['a claim', (store) => store.outbox.claim(at(200), at(300))],
  [
    'who is late',
    (store) => store.tracking.expire(at(200), { limitMs: 3_600_000, readUntil: at(190), graceMs: 600_000 }),
  ],
  ['whose sender has to be told', (store) => store.inbox.oweFailures(at(200), null)],
  ['receipts that are due', (store) => store.inbox.noticesDue(at(200))],
  ['who waits for a route', (store) => store.waiting.claim(at(200), at(300))],
  ['what is new in a mailbox', (store) => store.inbox.unsettled('m', '1', [1, 2, 3])],
  ['what is unfinished in a mailbox', (store) => store.inbox.unfinished('m', '1')],
  ['what the EHR has yet to take', (store) => store.deliveries.claim(at(200), at(300))],
  ['how much the EHR has yet to take', (store) => store.deliveries.figures()],
  ['what the EHR has yet to take, with its reasons', (store) => store.deliveries.untaken(at(200))],
  ['events', (store) => store.tracking.events(0)],
  ['the last event', (store) => store.tracking.lastEvent()],
  ['the audit of one message', (store) => all(store.audit.list({ messageId: '<m7@clinic.example>' }))],
  ['the audit of one patient', (store) => all(store.audit.list({ patient: 'p-18' }))],
  ['the audit of one document', (store) => all(store.audit.list({ document: 'doc-8' }))],
  ['the head of the audit', (store) => store.upkeep.auditHead()],
  ['what an operator watches', (store) => store.upkeep.figures()],
])('%s reads no table that grows with history from end to end', async (_, act) => {
  await using temporary = await world()
  expect(await readWhole(temporary.file, act)).toEqual([])
})
