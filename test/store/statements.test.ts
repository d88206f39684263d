import { StatementSync } from 'node:sqlite'
import { expect, vi } from 'vitest'
import { folder, memoryStore, ofSqlite } from './places.ts'
import { accepted, all, at, message } from './scenario.ts'

const kim = 'kim@clinic.example'
const lee = 'lee@hisp.example'
const took = [{ address: lee, outcome: 'accepted', reply: '250' }] as const

/** How many statements something runs, those of its transactions as well. */
async function statements(act: () => Promise<unknown>): Promise<number> {
  const run = vi.spyOn(StatementSync.prototype, 'run')
  const all = vi.spyOn(StatementSync.prototype, 'all')
  try {
    await act()
    return run.mock.calls.length + all.mock.calls.length
  } finally {
    run.mockRestore()
    all.mockRestore()
  }
}

// Each is time in which nothing else of this process goes on, and over a network a way there and back.
ofSqlite('a message that comes alone takes so many statements until it is filed and answered', async () => {
  await using store = await memoryStore()
  const taken = await statements(async () => {
    const { id } = await store.inbox.begin('m', '1', 1, Buffer.from('sealed'))
    const mdn = {
      recipient: kim,
      messageId: '<n1@x.example>',
      to: lee,
      originalMessageId: '<m1@hisp.example>',
    }
    const [delivery] = await store.inbox.judged(id, accepted([kim]), [mdn], at(1))
    await store.inbox.settle(id, [{ delivery: delivery?.id ?? 0, outcome: 'delivered', where: 'in' }], at(2))
    const [notice] = await store.inbox.noticesDue(at(3))
    const answer = message(0, { messageId: '<n1@x.example>', kind: 'notification', documents: [] })
    const copies = answer.copies.map((copy) => ({ ...copy, body: Buffer.from('answer') }))
    await store.outbox.add({ ...answer, copies }, notice?.id)
    const [copy] = await store.outbox.claim(at(4), at(60), { route: 'direct', limit: 4 })
    await all(store.bodies.read(copy?.body ?? 0))
    await store.outbox.tried(copy?.id ?? 0, took, at(5), null)
  })
  expect(taken).toBeLessThanOrEqual(52)
  expect(await store.upkeep.verifyAudit()).toMatchObject({ rows: 4, broken: null })
})

ofSqlite('a message that goes out alone takes so many statements until SMTP has it', async () => {
  await using store = await memoryStore()
  const taken = await statements(async () => {
    const { copies, ...rest } = message(0)
    const sealed = copies.map((copy) => ({ ...copy, body: Buffer.from('sealed') }))
    const recordBody = Buffer.from('record')
    const [copy] = await store.outbox.add({ ...rest, copies: sealed, recordBody, heldUntil: at(60) })
    await store.outbox.hold(copy?.id ?? 0, at(120), [lee])
    await store.outbox.tried(copy?.id ?? 0, took, at(1), null)
  })
  expect(taken).toBeLessThanOrEqual(27)
  expect(await store.upkeep.verifyAudit()).toMatchObject({ rows: 2, broken: null })
})

ofSqlite(
  'the body of a mail that has one already is left for the next sweep, the other is kept',
  async () => {
    await using temporary = await folder()
    await using store = await temporary.open()
    const { body } = await store.inbox.begin('m', '1', 1, Buffer.from('as it came'))
    expect(await store.inbox.begin('m', '1', 1, Buffer.from('as it came again'))).toMatchObject({ body })
    expect(await temporary.sql('select id, kept from bodies order by id')).toMatchObject([
      { id: body, kept: 1 },
      { kept: 0 },
    ])
  },
)
