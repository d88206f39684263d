import { Kysely } from 'kysely'
import { expect, test } from 'vitest'
import { type Bound, prepared } from '../../store/prepared.ts'
import type { Schema } from '../../store/schema.ts'
import { NodeSqliteDialect } from '../../store/sqlite/dialect.ts'
import { openDatabase } from '../../store/sqlite/file.ts'

async function database() {
  const opened = await openDatabase(':memory:')
  opened.exec('create table leases (name text primary key, holder text, until integer)')
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(opened, ':memory:') })
  return { db, opened, [Symbol.asyncDispose]: () => db.destroy() }
}

let built = 0
const take = prepared((db, lease: Bound<Schema['leases']>) => {
  built++
  return db.insertInto('leases').values(lease).returning('name')
})
const heldUntil = prepared((db, { at }: Bound<{ at: number }>) =>
  db.selectFrom('leases').select('name').where('until', '>', at).where('holder', '=', 'me'),
)

test('a prepared query is built once for each database, and takes its values each time', async () => {
  await using one = await database()
  await using two = await database()
  built = 0
  for (const { db } of [one, two])
    for (const [name, until] of [
      ['a', 10],
      ['b', 20],
      ['c', 30],
    ] as const)
      expect(await take.executeTakeFirst(db, { name, holder: 'me', until })).toEqual({ name })
  expect(built).toBe(2)
  expect(await heldUntil.execute(two.db, { at: 15 })).toEqual([{ name: 'b' }, { name: 'c' }])
  expect(await heldUntil.execute(two.db, { at: 25 })).toEqual([{ name: 'c' }])
})

test('it is done in the transaction that it is given, and undone with it', async () => {
  await using given = await database()
  const undone = given.db.transaction().execute(async (tx) => {
    await take.execute(tx, { name: 'a', holder: 'me', until: 10 })
    expect(await heldUntil.execute(tx, { at: 0 })).toEqual([{ name: 'a' }])
    throw new Error('undo')
  })
  await expect(undone).rejects.toThrow('undo')
  expect(await heldUntil.execute(given.db, { at: 0 })).toEqual([])
})

test('in a transaction that has ended it is refused, and nothing is written', async () => {
  await using given = await database()
  const ended = await given.db.transaction().execute(async (tx) => tx)
  await expect(take.execute(ended, { name: 'a', holder: 'me', until: 10 })).rejects.toThrow('after its end')
  expect(await heldUntil.execute(given.db, { at: 0 })).toEqual([])
})

test('values by other names than at first, too few or too many, reach no database', async () => {
  await using given = await database()
  await take.execute(given.db, { name: 'a', holder: 'me', until: 10 })
  const others = [
    { name: 'b', holder: 'me' },
    { name: 'b', holder: 'me', until: undefined },
    { name: 'b', holder: 'me', until: 20, more: 1 },
    { name: 'b', holder: 'me', ends: 20 },
  ] as unknown as Schema['leases'][]
  for (const other of others)
    await expect(take.execute(given.db, other)).rejects.toThrow('takes name, holder, until')
  expect(await heldUntil.execute(given.db, { at: 0 })).toEqual([{ name: 'a' }])
})

test('a row that has to be there and is not is an error of the store', async () => {
  await using given = await database()
  await expect(heldUntil.executeTakeFirstOrThrow(given.db, { at: 0 })).rejects.toMatchObject({
    code: 'STORE_FAILED',
  })
})
