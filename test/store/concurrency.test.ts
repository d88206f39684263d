import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely } from 'kysely'
import { expect, test } from 'vitest'
import type { Schema } from '../../store/schema.ts'
import { NodeSqliteDialect } from '../../store/sqlite/dialect.ts'
import { openDatabase } from '../../store/sqlite/file.ts'
import { folder, ofSqlite } from './places.ts'
import { all, at, bytes, child, message } from './scenario.ts'

ofSqlite(
  'transactions of one connection wait for each other, even across other asynchronous work',
  async () => {
    await using temporary = await folder()
    await using _store = await temporary.open()
    const db = new Kysely<Schema>({
      dialect: new NodeSqliteDialect(await openDatabase(temporary.file), temporary.file),
    })
    const log: string[] = []
    const slow = (name: string) =>
      db.transaction().execute(async (tx) => {
        log.push(`${name} begins`)
        await sleep(1)
        await tx.selectFrom('messages').selectAll().execute()
        await sleep(1)
        log.push(`${name} ends`)
      })
    await Promise.all([slow('a'), slow('b'), slow('c')])
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    await db.destroy()
  },
)

ofSqlite('a long run of transactions leaves timers and sockets their turns', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 1)
  for (let n = 0; turns < 3 && n < 100_000; n++) await store.inbox.settle(n, [], at(0))
  clearInterval(timer)
  expect(turns).toBeGreaterThanOrEqual(3)
})

test('two stores in one process write to one file at once and lose nothing', async () => {
  await using temporary = await folder()
  await using one = await temporary.open()
  await using two = await temporary.open()
  const body = await one.bodies.write(bytes('sealed'))
  await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      (n % 2 === 0 ? one : two).outbox.add(message(body, { messageId: `<m${n}@x.example>` })),
    ),
  )
  expect(await one.tracking.status()).toHaveLength(60)
  expect(await all(two.audit.list())).toHaveLength(60)
})

test('processes write to one file at once and lose nothing; claims of processes never overlap', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const writers = ['a', 'b', 'c'].map((word) => child('add-many', temporary.told, word).ended)
  for (const end of await Promise.all(writers)) expect(end).toMatchObject({ code: 0, stderr: '' })
  expect(await store.tracking.status()).toHaveLength(150)

  const claimers = [1, 2, 3].map(() => child('claim', temporary.told).ended)
  const claimed: string[] = []
  for (const { code, stdout, stderr } of await Promise.all(claimers)) {
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    claimed.push(...stdout.split('\n').filter((line) => line !== ''))
  }
  expect(claimed).toHaveLength(150)
  expect(new Set(claimed).size).toBe(150)
  expect(await store.outbox.claim(at(10), at(20))).toEqual([])
})

ofSqlite(
  'a writer waits for another process, and goes on when that one is done; readers do not wait',
  async () => {
    await using temporary = await folder()
    await using store = await temporary.open()
    const body = await store.bodies.write(bytes('sealed'))
    const other = new DatabaseSync(temporary.file)
    other.exec('begin immediate')
    let added = false
    const adding = store.outbox.add(message(body)).then(() => {
      added = true
    })
    await using reader = await openReader(temporary.file)
    expect(await reader.selectFrom('messages').selectAll().execute()).toEqual([])
    expect(added).toBe(false)
    other.exec('commit')
    await adding
    expect(await reader.selectFrom('messages').select('message_id').execute()).toHaveLength(1)
    other.close()
  },
)

async function openReader(file: string) {
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(await openDatabase(file), file) })
  return Object.assign(db, { [Symbol.asyncDispose]: () => db.destroy() })
}

ofSqlite(
  'a store that another process never lets go of is a temporary error, and nothing is half done',
  async () => {
    await using temporary = await folder()
    await using _store = await temporary.open()
    const holder = new DatabaseSync(temporary.file)
    holder.exec('begin immediate')
    const db = new Kysely<Schema>({
      dialect: new NodeSqliteDialect(await openDatabase(temporary.file), temporary.file, { patienceMs: 20 }),
    })
    await expect(db.transaction().execute(async () => {})).rejects.toMatchObject({
      code: 'STORE_FAILED',
      temporary: true,
      hint: expect.stringContaining('Another process'),
    })
    holder.exec('rollback')
    await db.transaction().execute(async (tx) => {
      expect(await tx.selectFrom('messages').selectAll().execute()).toEqual([])
    })
    holder.close()
    await db.destroy()
  },
)

const CLOSED = {
  name: 'DirectError',
  code: 'USAGE',
  temporary: false,
  message: expect.stringMatching(/^the store \S+ has been closed$/),
  hint: expect.stringContaining('disposed of'),
}

test('whoever asks a store after its end is told that it has been closed, whatever is asked', async () => {
  await using temporary = await folder()
  const store = await temporary.open()
  // Its statements are prepared already.
  const asked = () => store.tracking.lastEvent()
  await asked()
  await store[Symbol.asyncDispose]()
  await expect(asked()).rejects.toMatchObject(CLOSED)
  await expect(store.passes.completed('a mailbox', at(1))).rejects.toMatchObject(CLOSED)
  await expect(store.bodies.write(bytes('sealed'))).rejects.toMatchObject(CLOSED)
  await expect(all(store.audit.list())).rejects.toMatchObject(CLOSED)
})

test('what was asked before the end of a store is answered, and whoever asks while it ends is told of it or answered', async () => {
  await using temporary = await folder()
  const store = await temporary.open()
  const ask = () => [store.tracking.lastEvent(), store.passes.completed('a mailbox', at(1))]
  await Promise.all(ask())
  const before = ask()
  const ended = store[Symbol.asyncDispose]()
  const meanwhile = await Promise.allSettled(ask())
  await Promise.all([...before, ended])
  for (const one of meanwhile) if (one.status === 'rejected') expect(one.reason).toMatchObject(CLOSED)
  await expect(store.tracking.lastEvent()).rejects.toMatchObject(CLOSED)
})
