import { constants } from 'node:sqlite'
import { Kysely, type LogEvent } from 'kysely'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SqlOutbox } from '../../store/outbox.ts'
import type { Schema } from '../../store/schema.ts'
import { NodeSqliteDialect } from '../../store/sqlite/dialect.ts'
import { openDatabase } from '../../store/sqlite/file.ts'
import { LogSync } from '../../store/sqlite/log-sync.ts'
import { StoreTurns } from '../../store/store-turns.ts'
import { folder } from './places.ts'
import { at, bytes, message } from './scenario.ts'

/*
 * How a statement gets at the rows of `copies` is asked of SQLite itself: a table that is searched costs the same
 * however many messages went out before, and clocks tell nothing on a busy machine.
 */
let temporary: Awaited<ReturnType<typeof folder>>
beforeEach(async () => {
  temporary = await folder()
  await using store = await temporary.open()
  const body = await store.bodies.write(bytes('sealed'))
  for (const n of Array(30).keys())
    await store.outbox.add(message(body, { messageId: `<m${n}@x.example>`, at: at(n) }))
  for (const copy of await store.outbox.claim(at(40), at(60), { limit: 25 }))
    await store.outbox.tried(
      copy.id,
      [{ address: 'lee@hisp.example', outcome: 'final', reply: '550' }],
      at(41),
      null,
    )
})
afterEach(() => temporary[Symbol.asyncDispose]())

/** How SQLite goes about each statement of a call that reads or writes: the lines of its plans that name a table. */
async function plansOf(call: (outbox: SqlOutbox) => Promise<unknown>): Promise<string[]> {
  const database = await openDatabase(temporary.file)
  const asked: LogEvent['query'][] = []
  const db = new Kysely<Schema>({
    dialect: new NodeSqliteDialect(database, temporary.file),
    log: ({ query }) => void asked.push(query),
  })
  await call(new SqlOutbox(db, new StoreTurns(db)))
  const plans = asked
    .filter(({ sql }) => /^(select|update)/.test(sql))
    .flatMap(({ sql, parameters }) =>
      database.prepare(`explain query plan ${sql}`).all(...(parameters as number[])),
    )
  await db.destroy()
  return plans.map(({ detail }) => String(detail)).filter((line) => /^(SCAN|SEARCH)/.test(line))
}

async function heldBehindTheDot(outbox: SqlOutbox): Promise<void> {
  const [copy] = await outbox.claim(at(50), at(60), { limit: 1 })
  await outbox.hold(copy?.id as number, at(170), ['lee@hisp.example'])
  await outbox.claim(at(170), at(200), { limit: 1 })
}

test.each([
  ['claim', (outbox) => outbox.claim(at(50), at(60), { limit: 1 })],
  [
    'claim of a lane',
    (outbox) => outbox.claim(at(50), at(60), { untriedSince: at(20), notDomains: ['x.example'], limit: 1 }),
  ],
  ['claim when nothing is due', (outbox) => outbox.claim(at(-50), at(60), { route: 'direct' })],
  ['claim of one message', (outbox) => outbox.claim(at(50), at(60), { messageId: '<m27@x.example>' })],
  ['hold behind the dot', (outbox) => heldBehindTheDot(outbox)],
  ['tried', (outbox) => outbox.tried(27, [], at(50), at(60))],
  ['nextDue', (outbox) => outbox.nextDue()],
] satisfies [string, (outbox: SqlOutbox) => Promise<unknown>][])(
  '%s searches by index, and scans no table that grows with what was sent',
  async (_name, call) => {
    const plans = await plansOf(call)
    expect(plans).not.toEqual([])
    expect(plans.filter((line) => line.startsWith('SCAN'))).toEqual([])
  },
)

test('SMTP waits for the disk once: what it said lasts, that a copy is being sent need not outlast the power', async () => {
  let syncs = 0
  const datasync = async () => void syncs++
  const log = new LogSync(temporary.file, async () => ({ datasync, close: async () => {} }))
  const dialect = new NodeSqliteDialect(await openDatabase(temporary.file), temporary.file, { log })
  const db = new Kysely<Schema>({ dialect })
  const outbox = new SqlOutbox(db, new StoreTurns(db))
  const [copy] = await outbox.claim(at(50), at(60), { limit: 1 })
  const id = copy?.id as number
  syncs = 0
  await outbox.hold(id, at(170), ['lee@hisp.example'])
  expect(syncs).toBe(0)
  await outbox.tried(id, [], at(51), at(60))
  expect(syncs).toBe(1)
  await db.destroy()
})

test('SQLite plans a statement once, whatever is bound to it', async () => {
  const database = await openDatabase(temporary.file)
  let plans = 0
  // Asked for each table and column that a statement reads or writes, whenever SQLite makes a plan of it.
  database.setAuthorizer(() => {
    plans++
    return constants.SQLITE_OK
  })
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database, temporary.file) })
  const outbox = new SqlOutbox(db, new StoreTurns(db))
  const ask = async (limit: number) => {
    plans = 0
    await outbox.claim(at(-50), at(60), { route: 'direct', untriedSince: at(20), limit })
    return plans
  }
  expect(await ask(1)).toBeGreaterThan(0)
  expect(await ask(2)).toBe(0)
  await db.destroy()
})

test('a statement is prepared once, however often it is asked; lists of ever new lengths are not kept for ever', async () => {
  const database = await openDatabase(temporary.file)
  const prepare = vi.spyOn(database, 'prepare')
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database, temporary.file) })
  const outbox = new SqlOutbox(db, new StoreTurns(db))
  const ask = async () => {
    const before = prepare.mock.calls.length
    await outbox.claim(at(50), at(60), { messageId: '<none@x.example>' })
    return prepare.mock.calls.length - before
  }
  expect(await ask()).toBeGreaterThan(0)
  expect(await ask()).toBe(0)
  for (const length of Array(300).keys())
    await db
      .selectFrom('copies')
      .select('id')
      .where('id', 'in', [0, ...Array(length).keys()])
      .execute()
  expect(await ask()).toBeGreaterThan(0)
  await db.destroy()
})
