import { Kysely } from 'kysely'
import { expect, test } from 'vitest'
import { loosely } from '../../store/loosely.ts'
import { migrate } from '../../store/migrate.ts'
import type { Schema, Tx } from '../../store/schema.ts'
import { NodeSqliteDialect } from '../../store/sqlite/dialect.ts'
import { openDatabase } from '../../store/sqlite/file.ts'
import { LogSync } from '../../store/sqlite/log-sync.ts'
import { makeStoreFile } from '../../store/sqlite/store-file.ts'
import { inTurn } from '../../store/turn.ts'
import { folder } from './places.ts'
import { at } from './scenario.ts'

/** A store, and a disk that is as slow as a test wants it. */
async function onSlowDisk() {
  await using scope = new AsyncDisposableStack()
  const { file } = scope.use(await folder())
  await makeStoreFile(file)
  let disk = Promise.resolve()
  const log = new LogSync(file, async () => ({ datasync: () => disk, close: async () => {} }))
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(await openDatabase(file), file, { log }) })
  scope.defer(() => db.destroy())
  await migrate(db, () => at(0), file)
  const kept = scope.move()
  const slow = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    disk = promise
    return resolve
  }
  return { db, slow, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

const write = (tx: Tx, name: string) => tx.insertInto('positions').values({ name, position: 1 }).execute()
const names = async (db: Kysely<Schema>) =>
  (await db.selectFrom('positions').select('name').orderBy('name').execute()).map(({ name }) => name)

test('what may be lost with the power is not waited for; every transaction after it is, with all before it', async () => {
  await using given = await onSlowDisk()
  const { db, slow } = given
  const written = slow()
  await loosely(db, (tx) => write(tx, 'a'))
  expect(await names(db)).toEqual(['a'])
  const told: string[] = []
  const careful = inTurn(db, (tx) => write(tx, 'b')).then(() => told.push('b'))
  while ((await names(db)).length < 2) await new Promise(setImmediate)
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  expect(told).toEqual([])
  written()
  await careful
})

test('one that fails leaves nothing behind', async () => {
  await using given = await onSlowDisk()
  const failing = loosely(given.db, async (tx) => {
    await write(tx, 'a')
    throw new Error('half way')
  })
  await expect(failing).rejects.toThrow('half way')
  expect(await names(given.db)).toEqual([])
})
