import { expect, test, vi } from 'vitest'
import { openStore } from '../../store/index.ts'
import { makePool } from '../../store/postgres/pool.ts'
import { folder } from './places.ts'
import { placeIn } from './postgres-place.ts'
import { at, bytes, message } from './scenario.ts'

test('one writer at a time: who has the turn keeps others waiting, and readers and claims go on', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const body = await store.bodies.write(bytes('sealed'))
  await store.outbox.add(message(body))
  const pool = await makePool(await placeIn(temporary))
  const holder = await pool.connect()
  await holder.query('select pg_advisory_lock(1147761217)', [])
  const order: string[] = []
  const adding = store.outbox
    .add(message(body, { messageId: '<m2@clinic.example>' }))
    .then(() => order.push('added'))
  expect(await store.tracking.status()).toHaveLength(1)
  expect(await store.outbox.claim(at(0), at(60))).toHaveLength(1)
  order.push('claimed')
  await holder.query('select pg_advisory_unlock(1147761217)', [])
  holder.release()
  await pool.end()
  await adding
  expect(order).toEqual(['claimed', 'added'])
})

test('who waits for a connection when a store is closed gets it, or is told that it has been closed: nobody waits in vain', async () => {
  await using temporary = await folder()
  const store = await openStore({ postgres: { ...(await placeIn(temporary)), connections: 1 } })
  const ask = () => Array.from({ length: 5 }, () => store.tracking.lastEvent())
  const before = ask()
  const ended = store[Symbol.asyncDispose]()
  const meanwhile = ask()
  expect(await Promise.all(before)).toEqual([0, 0, 0, 0, 0])
  await ended
  for (const one of await Promise.allSettled(meanwhile))
    if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'USAGE', temporary: false })
    else expect(one.value).toBe(0)
  await expect(store.tracking.lastEvent()).rejects.toMatchObject({ code: 'USAGE' })
})

test('a session that has the turn and says nothing is ended by the server after ten seconds: others get their turn', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const body = await store.bodies.write(bytes('sealed'))
  const pool = await makePool(await placeIn(temporary))
  const client = await pool.connect()
  const names = ['idle_in_transaction_session_timeout', 'lock_timeout', 'statement_timeout'] as const
  const { rows } = await client.query<{ name: string; setting: string }>(
    'select name, setting from pg_settings where name = any ($1) order by name',
    [names],
  )
  expect(rows.map(({ setting }) => Number(setting))).toEqual([10_000, 30_000, 60_000])
  await client.query('begin', [])
  await client.query('select pg_advisory_xact_lock(1147761217)', [])
  // Else this test would take as long.
  await client.query('set local idle_in_transaction_session_timeout = 300', [])
  await store.outbox.add(message(body))
  await expect(client.query('commit', [])).rejects.toMatchObject({ code: 'STORE_FAILED', temporary: true })
  client.release()
  await pool.end()
})

test('what a database does by default, and what the environment says, changes nothing: turns see what came before, in the same tables', async () => {
  await using temporary = await folder()
  await using first = await temporary.open()
  const add = (store: typeof first, n: number) =>
    store.outbox.add(message(1, { messageId: `<m${n}@clinic.example>`, copies: [], recordBody: null }))
  await add(first, 0)
  const place = await placeIn(temporary)
  vi.stubEnv('PGOPTIONS', '-c search_path=pg_temp -c default_transaction_isolation=serializable')
  await using second = await openStore({ postgres: place })
  vi.unstubAllEnvs()
  expect(await second.tracking.status()).toHaveLength(1)
  await temporary.sql(
    `alter database ${place.database} set default_transaction_isolation = 'repeatable read'`,
  )
  await using third = await openStore({ postgres: place })
  await using fourth = await openStore({ postgres: place })
  await Promise.all(Array.from({ length: 12 }, (_, n) => add(n % 2 === 0 ? third : fourth, n + 1)))
  expect(await first.tracking.status()).toHaveLength(13)
  expect(await first.upkeep.verifyAudit()).toMatchObject({ broken: null })
})
