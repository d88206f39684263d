import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { expect, test } from 'vitest'
import { SqlInbox } from '../../store/inbox.ts'
import { migrate } from '../../store/migrate.ts'
import { addMessage } from '../../store/new-message.ts'
import { SqlOutbox } from '../../store/outbox.ts'
import type { Schema } from '../../store/schema.ts'
import { NodeSqliteDialect } from '../../store/sqlite/dialect.ts'
import { openDatabase } from '../../store/sqlite/file.ts'
import { LogSync } from '../../store/sqlite/log-sync.ts'
import { makeStoreFile } from '../../store/sqlite/store-file.ts'
import { StoreTurns } from '../../store/store-turns.ts'
import { SqlTracking } from '../../store/tracking.ts'
import { inTurn } from '../../store/turn.ts'
import { folder } from './places.ts'
import { at, message } from './scenario.ts'

/** An outbox whose log is synced when, and as often as, `datasync` says. */
async function outboxWith(datasync: () => Promise<void>) {
  await using scope = new AsyncDisposableStack()
  const { file } = scope.use(await folder())
  await makeStoreFile(file)
  const log = new LogSync(file, async () => ({ datasync, close: async () => {} }))
  const database = await openDatabase(file)
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database, file, { log }) })
  scope.defer(() => db.destroy())
  await migrate(db, () => at(0), file)
  const kept = scope.move()
  const turns = new StoreTurns(db)
  return {
    db,
    outbox: new SqlOutbox(db, turns),
    tracking: new SqlTracking(db, turns),
    inbox: new SqlInbox(db, turns, { perHour: undefined, now: () => at(0) }),
    database,
    file,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const mail = (n: number, idempotencyKey: string | null = null) =>
  message(1, { messageId: `<m${n}@x>`, copies: [], recordBody: null, idempotencyKey })
const copyOf = (n: number) => ({
  ...mail(n),
  copies: message(1).copies.map((copy) => ({ ...copy, body: 1 })),
})

function withBody(database: DatabaseSync): void {
  database.exec('insert into bodies (id, bytes, complete, touched_at) values (1, 0, 1, 0)')
}

test('nobody is told of a message, and nobody sends it, before the disk has it', async () => {
  let synced = Promise.resolve()
  await using given = await outboxWith(() => synced)
  const { outbox, database } = given
  withBody(database)
  const disk = Promise.withResolvers<void>()
  synced = disk.promise
  const told: string[] = []
  const added = outbox.add(copyOf(1)).then(() => told.push('added'))
  const has = () =>
    database.prepare("select count(*) as n from messages where message_id = '<m1@x>'").get()?.n
  while (has() === 0) await new Promise(setImmediate)
  const claimed = outbox.claim(at(100), at(130)).then((copies) => told.push(`claimed ${copies.length}`))
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  expect(told).toEqual([])
  disk.resolve()
  await Promise.all([added, claimed])
  expect(told.toSorted()).toEqual(['added', 'claimed 1'])
})

test('what an idempotency key stands for is told once the disk has it', async () => {
  let synced = Promise.resolve()
  await using given = await outboxWith(() => synced)
  const { outbox } = given
  const disk = Promise.withResolvers<void>()
  synced = disk.promise
  const added = outbox.add(mail(1, 'visit-1'))
  const told: unknown[] = []
  const found = (async () => {
    for (;;) {
      const earlier = await outbox.byIdempotencyKey('visit-1')
      if (earlier !== null) return void told.push(earlier.messageId)
    }
  })()
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  expect(told).toEqual([])
  disk.resolve()
  await Promise.all([added, found])
  expect(told).toEqual(['<m1@x>'])
})

test('an event is told once the disk has it: nobody hears of what a loss of power takes back, or hears its number again', async () => {
  let synced = Promise.resolve()
  await using given = await outboxWith(() => synced)
  const { outbox, tracking, database } = given
  withBody(database)
  await outbox.add(copyOf(1))
  const disk = Promise.withResolvers<void>()
  synced = disk.promise
  const to = { originalMessageId: '<m1@x>', recipient: 'lee@hisp.example', disposition: 'processed' } as const
  const notified = tracking.notified(to, at(1), [])
  while ((await tracking.lastEvent()) === 0) await new Promise(setImmediate)
  const told: string[] = []
  const telling = tracking.events(0).then((events) => told.push(...events.map(({ type }) => type)))
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  expect(told).toEqual([])
  disk.resolve()
  await Promise.all([notified, telling])
  expect(told).toEqual(['processed'])
})

test('what is settled is told, and flagged, once the disk has it', async () => {
  let synced = Promise.resolve()
  await using given = await outboxWith(() => synced)
  const { inbox } = given
  const { id } = await inbox.begin('m', '1', 7, null)
  const disk = Promise.withResolvers<void>()
  synced = disk.promise
  const settled = inbox.settle(id, [], at(1))
  while ((await inbox.find('m', '1', 7))?.state !== 'settled') await new Promise(setImmediate)
  const told: unknown[] = []
  const asking = inbox.unsettled('m', '1', [7]).then((uids) => told.push(uids))
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  expect(told).toEqual([])
  disk.resolve()
  await Promise.all([settled, asking])
  expect(told).toEqual([[]])
})

test('who commits while a sync is under way waits for the next, all of them for one', async () => {
  const gates: PromiseWithResolvers<void>[] = []
  let counts = false
  await using given = await outboxWith(async () => {
    if (!counts) return
    gates.push(Promise.withResolvers())
    await gates.at(-1)?.promise
  })
  counts = true
  const told: number[] = []
  const add = (n: number) => inTurn(given.db, (tx) => addMessage(tx, mail(n))).then(() => told.push(n))
  const first = add(0)
  while (gates.length === 0) await new Promise(setImmediate)
  const others = [1, 2, 3, 4].map(add)
  const count = () => given.database.prepare('select count(*) as n from messages').get()?.n
  while (count() !== 5) await new Promise(setImmediate)
  gates[0]?.resolve()
  await first
  while (gates.length === 1) await new Promise(setImmediate)
  expect(told).toEqual([0])
  gates[1]?.resolve()
  await Promise.all(others)
  expect(gates).toHaveLength(2)
  counts = false
})

const broken = () => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))

test('where the log cannot be synced everything goes into the database itself before anybody is told', async () => {
  let datasync = () => Promise.resolve()
  await using given = await outboxWith(() => datasync())
  datasync = broken
  await given.outbox.add(mail(1))
  // Without its log.
  const copy = join(given.file, '..', 'copy.db')
  await copyFile(given.file, copy)
  const database = new DatabaseSync(copy, { readOnly: true })
  expect(database.prepare('select message_id from messages').all()).toEqual([{ message_id: '<m1@x>' }])
  database.close()
})

test('a disk that takes neither is told as one that may be put right; the next who commits is told by itself', async () => {
  let datasync = () => Promise.resolve()
  await using given = await outboxWith(() => datasync())
  datasync = broken
  // A reader elsewhere, which the log has to be kept for.
  const reader = new DatabaseSync(given.file)
  reader.exec('begin; select * from messages')
  await expect(given.outbox.add(mail(1))).rejects.toMatchObject({ code: 'STORE_FAILED', temporary: true })
  reader.exec('rollback')
  reader.close()
  await given.outbox.add(mail(2))
})

test('after a sync that failed no other will do until all is in the database: what comes behind a hole is not found', async () => {
  let datasync = () => Promise.resolve()
  await using given = await outboxWith(() => datasync())
  const reader = new DatabaseSync(given.file)
  reader.exec('begin; select * from messages')
  datasync = broken
  await expect(given.outbox.add(mail(1))).rejects.toMatchObject({ code: 'STORE_FAILED', temporary: true })
  // Linux tells of an error once.
  datasync = () => Promise.resolve()
  await expect(given.outbox.add(mail(2))).rejects.toMatchObject({ code: 'STORE_FAILED', temporary: true })
  reader.exec('rollback; begin; select * from messages')
  await expect(given.outbox.add(mail(3))).rejects.toMatchObject({ code: 'STORE_FAILED', temporary: true })
  reader.exec('rollback')
  await given.outbox.add(mail(4))
  const copy = join(given.file, '..', 'copy.db')
  await copyFile(given.file, copy)
  const database = new DatabaseSync(copy, { readOnly: true })
  expect(database.prepare('select count(*) as n from messages').get()).toEqual({ n: 4 })
  database.close()
  reader.close()
})

test('a log that cannot be opened once is opened the next time', async () => {
  const opened: string[] = []
  await using log = new LogSync('store', async (file) => {
    opened.push(file)
    if (opened.length === 1) return broken()
    return { datasync: async () => {}, close: async () => void opened.push('closed') }
  })
  const made: number[] = []
  await log.synced(async () => void made.push(1))
  await log.synced(async () => void made.push(2))
  expect({ opened, made }).toEqual({ opened: ['store-wal', 'store-wal'], made: [1] })
})
