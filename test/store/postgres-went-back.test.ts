import { expect, test } from 'vitest'
import { openStore } from '../../store/index.ts'
import { type PostgresServer, startPostgres } from '../services/postgres.ts'
import { at, bytes, message } from './scenario.ts'

const WENT_BACK = { code: 'STORE_WENT_BACK', temporary: true, message: expect.stringContaining('row 3 of') }

/** `name` is what `older` was: as a standby that lagged takes its server's place, or an older copy is put there. */
async function goBack(server: PostgresServer, name: string, older: string): Promise<void> {
  await server.asAdministrator(
    `alter database ${name} allow_connections false;
     select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = '${name}';
     alter database ${name} rename to ${name}_lost;
     alter database ${older} rename to ${name}`,
  )
}

/** Asked again while the connections that were ended are given up, one by one. */
async function onceBack(ask: () => Promise<unknown>): Promise<unknown> {
  for (;;)
    try {
      return await ask()
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'STORE_FAILED') throw error
    }
}

/** A store that knows one message, and a copy of it from before another one was sent. */
async function onceCopied(server: PostgresServer) {
  const { host, port, user, password } = server
  const name = await server.database()
  const postgres = { host, port, user, database: name, password: async () => password }
  {
    await using store = await openStore({ postgres })
    await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
  }
  return { name, older: await server.database(name), open: () => openStore({ postgres }) }
}

test('a database that lost what this process wrote is not written to by it any more, and what is due waits for the mailboxes', async () => {
  await using server = await startPostgres()
  const { name, older, open } = await onceCopied(server)
  {
    await using store = await open()
    const body = await store.bodies.write(bytes('sealed'))
    await store.outbox.add(message(body, { messageId: '<m2@clinic.example>' }))
    const [copy] = await store.outbox.claim(at(1), at(60))
    const sent = [{ address: 'lee@hisp.example', outcome: 'accepted', reply: '250' }] as const
    await store.outbox.tried(copy?.id ?? 0, sent, at(2), null)
    await goBack(server, name, older)
    // Before it goes to SMTP once more.
    await expect(onceBack(() => store.outbox.claim(at(90), at(200)))).rejects.toMatchObject(WENT_BACK)
    await expect(store.outbox.add(message(body))).rejects.toMatchObject(WENT_BACK)
    expect(await store.tracking.status()).toHaveLength(1)
  }
  await using again = await open()
  expect(await again.outbox.claim(new Date(), new Date(Date.now() + 60_000))).toEqual([])
  const inSixMinutes = new Date(Date.now() + 6 * 60_000)
  expect(await again.outbox.claim(inSixMinutes, inSixMinutes)).toHaveLength(1)
  expect(await Array.fromAsync(again.audit.list({ event: 'store-restored' }))).toMatchObject([
    { outcome: 'went back', why: [{ text: `what was known until ${at(0).toISOString()}` }] },
  ])
  expect(await again.upkeep.verifyAudit()).toMatchObject({ rows: 2, broken: null })
})

test('of all who find out side by side, in two daemons, each daemon notes it once, and what was done since is not what was known', async () => {
  await using server = await startPostgres()
  const { name, older, open } = await onceCopied(server)
  await using one = await open()
  await using other = await open()
  const body = await one.bodies.write(bytes('sealed'))
  await one.outbox.add(message(body, { messageId: '<m2@clinic.example>', at: at(1) }))
  await other.outbox.add(message(body, { messageId: '<m3@clinic.example>', at: at(2) }))
  await goBack(server, name, older)
  {
    await using noticesNothing = await open()
    await noticesNothing.outbox.add(message(1, { messageId: '<m4@clinic.example>', at: at(90), copies: [] }))
  }
  for (const store of [one, other]) {
    const asked = Array.from({ length: 8 }, () => onceBack(() => store.outbox.hastenNotices(at(100), 3)))
    for (const told of await Promise.allSettled(asked))
      expect(told).toMatchObject({ reason: { code: 'STORE_WENT_BACK' } })
  }
  const until = { why: [{ text: `what was known until ${at(0).toISOString()}` }] }
  expect(await Array.fromAsync(one.audit.list({ event: 'store-restored' }))).toMatchObject([until, until])
})

test('a row of the audit that retention removed is none that was lost', async () => {
  await using server = await startPostgres()
  const { open } = await onceCopied(server)
  await using writing = await open()
  await using pruning = await open()
  const add = (n: number) =>
    writing.outbox.add(message(1, { messageId: `<m${n}@clinic.example>`, copies: [], recordBody: null }))
  await add(2)
  await pruning.upkeep.prune({ messagesBefore: null, auditBefore: new Date(Date.now() + 1000) }, new Date())
  await add(3)
  expect(await writing.upkeep.verifyAudit()).toMatchObject({
    broken: null,
    first: expect.toSatisfy((row) => row > 2),
  })
})
