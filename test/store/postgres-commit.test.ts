import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openStore } from '../../store/index.ts'
import { startPostgres } from '../services/postgres.ts'
import { folder } from './places.ts'
import { passing, placeIn } from './postgres-place.ts'
import { at, bytes, message } from './scenario.ts'

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

test('a store whose server has gone is closed all the same: whoever was at it hears what happened to the server', async () => {
  await using temporary = await folder()
  const place = await placeIn(temporary)
  using proxy = await cuttingAtCommit(place.port, 'after')
  const asking = async () => {
    await using store = await openStore({ postgres: { ...place, port: proxy.port } })
    proxy[Symbol.dispose]()
    await store.tracking.status()
  }
  await expect(asking()).rejects.toMatchObject({ code: 'STORE_FAILED', temporary: true })
})
