import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, inject, test, vi } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { openStore, type PostgresPlace } from '../../store/index.ts'
import { serverCertificate } from '../services/certificates.ts'
import { startPostgres } from '../services/postgres.ts'
import { folder } from './places.ts'
import { placeIn, refusal } from './postgres-place.ts'
import { all, bytes, message } from './scenario.ts'

const CANARY = 'canary-zwitscher-4711'

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

test.each([
  [60_000, '60 s behind'],
  [-60_000, '60 s ahead of'],
])(
  'a clock that goes wrong by %i ms while a store is open holds nothing and keeps nothing',
  async (off, words) => {
    await using temporary = await folder()
    await using store = await temporary.open()
    await store.outbox.add(message(await store.bodies.write(bytes('sealed')), { at: new Date() }))
    const wrong = vi
      .spyOn(Date, 'now')
      .mockImplementation(() => performance.timeOrigin + performance.now() + off)
    const refused = { code: 'STORE_FAILED', temporary: true, message: expect.stringContaining(words) }
    const later = (ms: number) => new Date(Date.now() + ms)
    try {
      const claiming = store.outbox.claim(later(120_000), later(150_000))
      await expect(claiming).rejects.toMatchObject(refused)
      await expect(store.outbox.add(message(1))).rejects.toMatchObject(refused)
    } finally {
      wrong.mockRestore()
    }
    expect(await store.outbox.claim(later(0), later(30_000))).toHaveLength(1)
  },
)

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

test('a pooler that refuses is taken for one, and it may pass', async () => {
  const fields = ['SFATAL', 'C08P01', 'Munsupported startup parameter: statement_timeout', '']
  const body = Buffer.from(`${fields.join('\0')}\0`)
  const head = Buffer.concat([Buffer.from('E'), Buffer.alloc(4)])
  head.writeUInt32BE(body.length + 4, 1)
  const pooler = createServer((socket) => socket.once('data', () => socket.end(Buffer.concat([head, body]))))
  pooler.listen(0, '127.0.0.1')
  await once(pooler, 'listening')
  const { port } = pooler.address() as { port: number }
  const place = { host: '127.0.0.1', port, user: 'u', database: 'd' }
  expect(await refusal(openStore({ postgres: place }))).toMatchObject({
    code: 'STORE_FAILED',
    temporary: true,
    message: expect.stringContaining('08P01: unsupported startup parameter'),
    hint: expect.stringMatching(/pgbouncer: name the server itself/),
  })
  pooler.close()
})
