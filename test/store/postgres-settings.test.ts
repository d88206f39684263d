import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openServer } from '../../store/postgres/open.ts'
import { folder, type TestPlace } from './places.ts'
import { placeIn, refusal } from './postgres-place.ts'
import { all, bytes, message } from './scenario.ts'

async function set(temporary: TestPlace, setting: string): Promise<void> {
  const [{ database } = {}] = await temporary.sql('select current_database() as database')
  await temporary.sql(`alter database "${database}" set ${setting}`)
}

test.each([
  "bytea_output = 'escape'",
  "client_encoding = 'latin1'",
  "default_transaction_isolation = 'serializable'",
])('what is stored is read as it was written where a database has %s', async (setting) => {
  await using temporary = await folder()
  await set(temporary, setting)
  await using store = await temporary.open()
  const written = Buffer.from([0, 255, 92, 1, 39])
  const body = await store.bodies.write(bytes(written))
  await store.outbox.add(message(body, { idempotencyKey: 'ä€𝄞' }))
  expect(Buffer.concat(await all(store.bodies.read(body)))).toEqual(written)
  expect(await store.outbox.byIdempotencyKey('ä€𝄞')).not.toBeNull()
  const found = await all(store.upkeep.check())
  expect(found.filter(({ level }) => level !== 'ok')).toEqual([])
})

test('a restore is given the time that it takes, whatever limits a database has', async () => {
  await using temporary = await folder()
  const limits = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
  for (const limit of limits) await set(temporary, `${limit} = '77s'`)
  const db = await openServer(await placeIn(temporary), true)
  try {
    for (const limit of limits) {
      const { rows } = await sql<Record<string, string>>`show ${sql.ref(limit)}`.execute(db)
      expect(rows).toEqual([{ [limit]: '0' }])
    }
  } finally {
    await db.destroy()
  }
})

test('a database with tables of another program is refused with what to do, and those stay as they are', async () => {
  for (const tables of [
    'create table messages (id int)',
    'create table schema_versions (id int)',
    'create table schema_versions as select 3 as version',
    'create view copies as select 1 as id',
  ]) {
    await using temporary = await folder()
    const [{ owner } = {}] = await temporary.sql(
      'select datdba::regrole::text as owner from pg_database where datname = current_database()',
    )
    await temporary.sql('drop schema public cascade')
    await temporary.sql(`create schema public authorization ${owner}`)
    await temporary.sql(tables)
    await temporary.sql(`grant all on all tables in schema public to ${owner}`)
    const relations = () =>
      temporary.sql("select relname from pg_class where relnamespace = 'public'::regnamespace")
    const before = await relations()
    expect(await refusal(temporary.open())).toMatchObject({
      code: 'STORE_FAILED',
      hint: expect.stringContaining('for direct-agent alone'),
    })
    expect(await relations()).toEqual(before)
  }
})
