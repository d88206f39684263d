import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { expect, test } from 'vitest'
import { loosely } from '../../store/loosely.ts'
import type { Schema } from '../../store/schema.ts'
import { NodeSqliteDialect } from '../../store/sqlite-dialect.ts'

const NORMAL = 1
const FULL = 2

/** A table, and how safe the connection is now. */
function database() {
  const raw = new DatabaseSync(':memory:')
  raw.exec('pragma synchronous = full; create table positions (name text)')
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(raw, ':memory:') })
  const synchronous = () => raw.prepare('pragma synchronous').get()?.synchronous
  const count = () => raw.prepare('select count(*) as n from positions').get()?.n
  const write = () => raw.exec("insert into positions values ('x')")
  return { db, synchronous, count, write }
}

test('what may be lost with the power is not waited for; every transaction after it is', async () => {
  const { db, synchronous, count, write } = database()
  const during = await loosely(db, async () => {
    write()
    return synchronous()
  })
  expect([during, synchronous(), count()]).toEqual([NORMAL, FULL, 1])
})

test('one that fails leaves nothing behind, neither its rows nor its haste', async () => {
  const { db, synchronous, count, write } = database()
  const failing = loosely(db, async () => {
    write()
    throw new Error('half way')
  })
  await expect(failing).rejects.toThrow('half way')
  expect([synchronous(), count()]).toEqual([FULL, 0])
})

test('whoever comes at the same time has to wait, and is written as safely as ever', async () => {
  const { db, synchronous } = database()
  const seen: unknown[] = []
  const careful = () => db.transaction().execute(async () => void seen.push(synchronous()))
  const loose = () => loosely(db, async () => void seen.push(synchronous()))
  await Promise.all([careful(), loose(), careful(), loose(), careful()])
  expect(seen).toEqual([FULL, NORMAL, FULL, NORMAL, FULL])
})
