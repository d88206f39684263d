import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely } from 'kysely'
import { expect } from 'vitest'
import { lookAtStore } from '../../store/index.ts'
import type { Schema } from '../../store/schema.ts'
import { NodeSqliteDialect } from '../../store/sqlite/dialect.ts'
import { openDatabase } from '../../store/sqlite/file.ts'
import { asOfNow } from '../../store/turn.ts'
import { folder, ofSqlite } from './places.ts'

/** A store's database, and a connection of another process. */
async function withAnother(patienceMs?: number) {
  const temporary = await folder()
  await (await temporary.open())[Symbol.asyncDispose]()
  const options = patienceMs === undefined ? {} : { patienceMs }
  const dialect = new NodeSqliteDialect(await openDatabase(temporary.file), temporary.file, options)
  const db = new Kysely<Schema>({ dialect })
  const other = new DatabaseSync(temporary.file)
  return {
    db,
    other,
    async [Symbol.asyncDispose]() {
      other.close()
      await dialect.close()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

const lease = { name: 'a', holder: 'me', until: 10 }

/** `held`: what another process does; it ends when this one's timers have had their turn twice. */
async function meanwhile<T>(other: DatabaseSync, held: string, act: () => Promise<T>): Promise<T> {
  other.exec(held)
  let done = false
  const acting = act().finally(() => {
    done = true
  })
  await sleep(1)
  await sleep(1)
  expect(done).toBe(false)
  other.exec('commit')
  return await acting
}

ofSqlite('a write outside a transaction waits for another process, and the event loop goes on', async () => {
  await using given = await withAnother()
  const { db, other } = given
  await meanwhile(other, 'begin immediate', () => db.insertInto('leases').values(lease).execute())
  expect(await db.selectFrom('leases').selectAll().execute()).toEqual([lease])
})

ofSqlite('a write that another process is in the way of for too long is a temporary error', async () => {
  await using given = await withAnother(20)
  given.other.exec('begin immediate')
  await expect(given.db.insertInto('leases').values(lease).execute()).rejects.toMatchObject({
    code: 'STORE_FAILED',
    temporary: true,
  })
  given.other.exec('rollback')
  expect(await given.db.selectFrom('leases').selectAll().execute()).toEqual([])
})

ofSqlite('who reads waits while another process has the whole file, alone and as of one moment', async () => {
  await using temporary = await folder()
  await using _store = await temporary.open()
  const file = `${temporary.file}.other`
  // Out of WAL mode a writer keeps readers out, as whoever recovers the log does.
  using other = new DatabaseSync(file)
  other.exec(`create table leases (name, holder, until); insert into leases values ('a', 'me', 10)`)
  const dialect = new NodeSqliteDialect(new DatabaseSync(file), file)
  const db = new Kysely<Schema>({ dialect })
  const read = (from: Kysely<Schema>) => from.selectFrom('leases').selectAll().execute()
  expect(await meanwhile(other, 'begin exclusive', () => read(db))).toEqual([lease])
  expect(await meanwhile(other, 'begin exclusive', () => asOfNow(db, read))).toEqual([lease])
  await db.destroy()
})

ofSqlite('who only looks waits while another process has the whole file', async () => {
  await using temporary = await folder()
  const { file } = temporary
  await (await temporary.open())[Symbol.asyncDispose]()
  using other = new DatabaseSync(file)
  other.exec('pragma journal_mode = delete')
  const seen = await meanwhile(other, 'begin exclusive', () => lookAtStore({ file }))
  if (seen === null || !('store' in seen)) throw new Error('there is a store')
  await using looked = seen.store
  expect(await looked.tracking.status()).toEqual([])
})
