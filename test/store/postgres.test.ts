import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, test, vi } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { openStore, type PostgresPlace } from '../../store/index.ts'
import { serverCertificate } from '../services/certificates.ts'
import { startPostgres } from '../services/postgres.ts'
import { placeOf } from './place-text.ts'
import { folder } from './places.ts'
import { all, at, bytes, message } from './scenario.ts'

const CANARY = 'canary-zwitscher-4711'

/** Where a test's store is, to be opened in some other way. */
async function placeIn(temporary: { readonly told: string }): Promise<PostgresPlace> {
  const place = placeOf(temporary.told)
  if (!('postgres' in place)) throw new Error('this run is over SQLite')
  return place.postgres
}

const refusal = async (opening: Promise<unknown>): Promise<Record<string, unknown>> => {
  const error: unknown = await opening.then(
    () => null,
    (error: unknown) => error,
  )
  return { ...(error as object), message: (error as Error).message, all: String((error as Error).stack) }
}

test('a server that cannot be reached, or that refuses, is told with what to do, and never with a password', async () => {
  await using temporary = await folder()
  const place = await placeIn(temporary)
  const open = (over: Partial<PostgresPlace>) => refusal(openStore({ postgres: { ...place, ...over } }))
  const wrong = await open({ password: async () => CANARY })
  expect(wrong).toMatchObject({
    code: 'STORE_FAILED',
    temporary: false,
    hint: expect.stringContaining('password'),
  })
  expect(wrong.message).toContain('28P01')
  const none = await open({ password: undefined })
  expect(none).toMatchObject({ code: 'STORE_FAILED', temporary: false })
  expect(none.message).toContain('no password is configured')
  const away = await open({ port: 1 })
  expect(away).toMatchObject({ code: 'STORE_FAILED', temporary: true })
  expect(away.message).toMatch(/postgres:\/\/127\.0\.0\.1:1\/.* cannot be reached: ECONNREFUSED$/)
  const absent = await open({ database: 'no_such_database' })
  expect(absent).toMatchObject({ code: 'STORE_FAILED', hint: expect.stringContaining('createdb') })
  for (const { all } of [wrong, none, away, absent]) expect(all).not.toMatch(new RegExp(`${CANARY}|@ signs`))
  const unread = new DirectError('KEY_UNREADABLE', 'asked in vain')
  const withheld = openStore({ postgres: { ...place, password: () => Promise.reject(unread) } })
  await expect(withheld).rejects.toBe(unread)
})

test('TLS is proved by the CA and the host that are named, and a server that has none is none', async () => {
  await using certificate = await serverCertificate(['IP:127.0.0.1'])
  await using other = await serverCertificate(['IP:127.0.0.1'])
  await using misnamed = await serverCertificate(['DNS:db.elsewhere.example'])
  await using server = await startPostgres({ tls: certificate })
  const { host, port, user } = server
  const place = { host, port, user, database: await server.database(), password: async () => server.password }
  await using store = await openStore({ postgres: { ...place, ca: certificate.cert } })
  expect(await all(store.audit.list())).toEqual([])
  const [{ ssl } = {}] = await server.asAdministrator(
    `select bool_and(ssl) as ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = '${user}'`,
  )
  expect(ssl).toBe(true)
  for (const ca of [other.cert, misnamed.cert])
    await expect(openStore({ postgres: { ...place, ca } })).rejects.toMatchObject({
      code: 'TLS_FAILED',
      hint: expect.stringContaining('store.ca'),
    })
  const plain = inject('postgres')
  await expect(
    openStore({ postgres: { ...place, port: plain.port, ca: certificate.cert } }),
  ).rejects.toMatchObject({ code: 'TLS_FAILED' })
})

test('the environment does not take the proof away', async () => {
  await using certificate = await serverCertificate(['IP:127.0.0.1'])
  await using other = await serverCertificate(['IP:127.0.0.1'])
  await using server = await startPostgres({ tls: certificate })
  const { host, port, user } = server
  const place = { host, port, user, database: await server.database(), password: async () => server.password }
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  const opened = refusal(openStore({ postgres: { ...place, ca: other.cert } }))
  expect(await opened.finally(() => vi.unstubAllEnvs())).toMatchObject({ code: 'TLS_FAILED' })
})

test('a host that is not this machine is never spoken to without TLS', async () => {
  const { promise: greeting, resolve } = Promise.withResolvers<Buffer>()
  const listener = createServer((socket) => {
    socket.once('data', (data) => {
      resolve(data)
      socket.end('N')
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as { port: number }
  const place = { host: 'db.example', port, user: 'u', database: 'd', password: async () => CANARY }
  const lookup = vi.spyOn(await import('node:dns').then(({ default: dns }) => dns), 'lookup')
  lookup.mockImplementation(((_name: string, ...rest: unknown[]) => {
    const told = rest.at(-1) as (error: null, address: unknown, family?: number) => void
    const options = rest.length > 1 ? (rest[0] as { all?: boolean }) : {}
    if (options.all) told(null, [{ address: '127.0.0.1', family: 4 }])
    else told(null, '127.0.0.1', 4)
  }) as never)
  await expect(openStore({ postgres: place })).rejects.toMatchObject({
    code: 'TLS_FAILED',
  })
  lookup.mockRestore()
  // The wish for TLS (PostgreSQL, SSLRequest), and not a word of who we are.
  expect(await greeting).toEqual(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]))
  listener.close()
})

test('a database that keeps text in another encoding, or has a newer schema, is refused as it is', async () => {
  await using temporary = await folder()
  const place = await placeIn(temporary)
  await temporary.sql('insert into schema_versions (version, applied_at) values (99, 0)')
  await expect(temporary.open()).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('schema version 99'),
  })
  await temporary.sql(`create database other_${place.database} encoding sql_ascii template template0`)
  await expect(
    openStore({ postgres: { ...place, database: `other_${place.database}` } }),
  ).rejects.toMatchObject({ message: expect.stringContaining('SQL_ASCII') })
  await temporary.sql(`drop database other_${place.database}`)
})

test('a clock that is not the server’s is told at once: by it others see what this one is at', async () => {
  await using temporary = await folder()
  const ahead = vi
    .spyOn(Date, 'now')
    .mockImplementation(() => performance.timeOrigin + performance.now() + 60_000)
  try {
    await expect(temporary.open()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      temporary: true,
      message: expect.stringMatching(/is 60 s behind this machine's$/),
    })
  } finally {
    ahead.mockRestore()
  }
})

test('what the server says of values is in no error', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const said = await refusal(store.inbox.begin('m', '1', CANARY as never, null))
  expect(said).toMatchObject({ code: 'STORE_FAILED', temporary: false })
  expect(JSON.stringify(said)).not.toContain(CANARY)
  const body = await store.bodies.write(bytes('sealed'))
  await store.outbox.add(message(body))
  expect(await refusal(store.bodies.remove(body))).toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringMatching(/failed: 23503 \(\w+\)$/),
  })
})

/** Asked again while the connections that were ended are given up, one by one. */
async function passing<T>(ask: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof DirectError && error.temporary)) throw error
    }
}

test('sessions that the server ends are an error that passes, nothing is half done, and the store goes on', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const body = await store.bodies.write(bytes('sealed'))
  const adding = Promise.allSettled(
    Array.from({ length: 40 }, async (_, n) => {
      await sleep(n * 5)
      return store.outbox.add(message(body, { messageId: `<m${n}@x.example>`, idempotencyKey: `k${n}` }))
    }),
  )
  for (let n = 0; n < 5; n++) {
    await sleep(30)
    await temporary.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'direct-agent' and datname = current_database()`,
    )
  }
  const ends = await adding
  const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
  for (const error of failed) expect(error).toMatchObject({ code: 'STORE_FAILED', temporary: true })
  expect(await passing(() => store.tracking.status())).toHaveLength(ends.length - failed.length)
  const proof = await passing(() => store.upkeep.verifyAudit())
  expect(proof).toMatchObject({ rows: ends.length - failed.length, broken: null })
})

/** Stands before the server, and cuts the connection when COMMIT comes: before it is told of it, or after. */
async function cuttingAtCommit(first: number, when: 'before' | 'after') {
  let left = 0
  let [port, then] = [first, first]
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
    let deaf = false
    client.on('data', (data) => {
      if (left > 0 && /commit\0/i.test(data.toString('latin1'))) {
        left -= 1
        port = then
        if (when === 'before') return void client.destroy()
        deaf = true
        // The server has it, and its answer goes nowhere.
        setTimeout(() => client.destroy(), 100)
      }
      server.write(data)
    })
    server.on('data', (data) => deaf || client.write(data))
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    port: (proxy.address() as { port: number }).port,
    /** `next`: the server that answers from then on. */
    cut: (times: number, next = first) => {
      left = times
      then = next
    },
    /** The first server answers again. */
    back: () => {
      port = first
      for (const socket of sockets) socket.destroy()
    },
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy()
      proxy.close()
    },
  }
}

test('a COMMIT whose answer is lost is asked after: what was kept was done, once', async () => {
  await using temporary = await folder()
  const place = await placeIn(temporary)
  using proxy = await cuttingAtCommit(place.port, 'after')
  await using store = await openStore({ postgres: { ...place, port: proxy.port } })
  const body = await store.bodies.write(bytes('sealed'))
  proxy.cut(1)
  await store.outbox.add(message(body))
  expect(await store.tracking.status()).toHaveLength(1)
  proxy.cut(1)
  expect(
    await store.tracking.notified(
      { originalMessageId: '<m1@clinic.example>', recipient: 'lee@hisp.example', disposition: 'processed' },
      at(1),
      [],
    ),
  ).toEqual({ state: 'processed', changed: true })
})

test('a COMMIT that never reached the server is an error that passes, and nothing was done', async () => {
  await using temporary = await folder()
  const place = await placeIn(temporary)
  using proxy = await cuttingAtCommit(place.port, 'before')
  await using store = await openStore({ postgres: { ...place, port: proxy.port } })
  const body = await store.bodies.write(bytes('sealed'))
  proxy.cut(1)
  await expect(store.outbox.add(message(body))).rejects.toMatchObject({
    code: 'STORE_FAILED',
    temporary: true,
  })
  expect(await store.tracking.status()).toEqual([])
  await store.outbox.add(message(body))
  expect(await store.tracking.status()).toHaveLength(1)
})

test('a COMMIT that was lost with its server is not taken for one of the server in its place, whatever that calls by its number', async () => {
  await using first = await startPostgres()
  const { host, port, user, password } = first
  const database = await first.database()
  const place = { host, port, user, database, password: async () => password }
  using proxy = await cuttingAtCommit(port, 'before')
  await using store = await openStore({ postgres: { ...place, port: proxy.port } })
  const body = await store.bodies.write(bytes('sealed'))
  await using second = await startPostgres()
  await second.asAdministrator(`create database ${database} owner ${user}`)
  await (await openStore({ postgres: { ...place, port: second.port } }))[Symbol.asyncDispose]()
  const numberOn = (server: typeof first, transactions: number) =>
    server.asAdministrator(
      `do $$ begin for i in 1..${transactions} loop perform pg_current_xact_id(); commit; end loop; end $$`,
    )
  const commit = async () => {
    proxy.cut(1, second.port)
    await expect(store.outbox.add(message(body))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      temporary: true,
      message: expect.stringContaining('cannot be reached'),
    })
    expect(await passing(() => store.tracking.status())).toEqual([])
    proxy.back()
    expect(await passing(() => store.tracking.status())).toEqual([])
  }
  await numberOn(first, 1000)
  await commit()
  await numberOn(second, 3000)
  await commit()
})

test('one writer at a time: who has the turn keeps others waiting, and readers and claims go on', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const body = await store.bodies.write(bytes('sealed'))
  await store.outbox.add(message(body))
  const holding = temporary.sql('select pg_advisory_lock(1147761217), pg_sleep(1)')
  const order: string[] = []
  await sleep(300)
  const adding = store.outbox
    .add(message(body, { messageId: '<m2@clinic.example>' }))
    .then(() => order.push('added'))
  expect(await store.tracking.status()).toHaveLength(1)
  expect(await store.outbox.claim(at(0), at(60))).toHaveLength(1)
  order.push('claimed')
  await Promise.all([holding, adding])
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
  const { makePool } = await import('../../store/postgres-pool.ts')
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
