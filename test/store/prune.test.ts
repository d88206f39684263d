import { expect, test } from 'vitest'
import type { Store } from '../../store/index.ts'
import { folder, memoryStore, ofSqlite, type TestPlace } from './places.ts'
import { accepted, all, at, bytes, message } from './scenario.ts'

const DAY = 86_400
const NOW = at(100 * DAY)
const NEVER = { messagesBefore: null, auditBefore: null }

/** A message sent on `day`, of which everything is decided. */
async function sent(store: Store, day: number, over: Parameters<typeof message>[1] = {}): Promise<void> {
  const [body, recordBody] = [
    await store.bodies.write(bytes('sealed')),
    await store.bodies.write(bytes('record')),
  ]
  const messageId = `<day${day}@clinic.example>`
  await store.outbox.add(message(body, { messageId, recordBody, at: at(day * DAY), ...over }))
  for (const copy of await store.outbox.claim(at(day * DAY), at(day * DAY + 60)))
    await store.outbox.tried(
      copy.id,
      [{ address: 'lee@hisp.example', outcome: 'accepted', reply: '250' }],
      at(day * DAY),
      null,
    )
  await store.tracking.notified(
    { originalMessageId: messageId, recipient: 'lee@hisp.example', disposition: 'dispatched' },
    at(day * DAY),
    [],
  )
}

/** A message received, delivered and settled on `day`. */
async function received(store: Store, day: number, uid = day): Promise<void> {
  const entry = await store.inbox.begin('m', '1', uid, await store.bodies.write(bytes('received')))
  const judgement = accepted(['kim@clinic.example'], { innerSha256: String(uid).padStart(64, '0') })
  const [delivery] = await store.inbox.judged(entry.id, judgement, [], at(day * DAY))
  const where = { delivery: delivery?.id ?? 0, outcome: 'delivered', where: 'in/x' } as const
  await store.inbox.settle(entry.id, [where], at(day * DAY))
}

const ids = async (store: Store) => (await store.tracking.status()).map(({ messageId }) => messageId)
async function count(place: TestPlace, table: string): Promise<number> {
  const [row] = await place.sql(`select count(*) as n from ${table}`)
  return Number(row?.n)
}

test('messages go after their time with their bodies, newer ones and the audit stay, and the audit says how many went', async () => {
  await using temporary = await folder()
  await using store = await temporary.open({ now: () => NOW })
  for (const day of [1, 2, 60]) await sent(store, day)
  for (const day of [3, 61]) await received(store, day)
  const before = await count(temporary, 'bodies')
  expect(await store.upkeep.prune({ ...NEVER, messagesBefore: at(50 * DAY) }, NOW)).toEqual({
    messages: 2,
    mails: 1,
    auditRows: 0,
  })
  expect(await ids(store)).toEqual(['<day60@clinic.example>'])
  expect(await count(temporary, 'bodies')).toBe(before - 5)
  expect(await count(temporary, 'body_chunks')).toBe(before - 5)
  const rows = await all(store.audit.list())
  expect(rows.filter(({ messageId }) => messageId === '<day1@clinic.example>')).toHaveLength(3)
  expect(rows.at(-1)).toMatchObject({
    event: 'pruned',
    actor: null,
    why: [{ code: 'RETENTION', text: expect.stringMatching(/^2 messages .* 1 received/) }],
  })
  expect(await store.upkeep.prune({ ...NEVER, messagesBefore: at(50 * DAY) }, NOW)).toMatchObject({
    messages: 0,
  })
  expect(await all(store.audit.list())).toHaveLength(rows.length)
  expect((await all(store.upkeep.check())).filter(({ level }) => level !== 'ok')).toEqual([])
})

test.each<[string, (store: Store) => Promise<unknown>]>([
  [
    'one that SMTP has yet to take',
    async (store) => store.outbox.add(message(await store.bodies.write(bytes('sealed')))),
  ],
  [
    'one whose recipient has time left to answer',
    async (store) => {
      const base = message(await store.bodies.write(bytes('sealed')))
      const recipients = base.recipients.map((one) => ({ ...one, deadline: at(3600) }))
      await store.outbox.add({ ...base, recipients })
      for (const { id } of await store.outbox.claim(at(1), at(60)))
        await store.outbox.tried(
          id,
          [{ address: 'lee@hisp.example', outcome: 'accepted', reply: '250' }],
          at(1),
          null,
        )
    },
  ],
  [
    'one that waits for its route',
    async (store) => {
      const recordBody = await store.bodies.write(bytes('record'))
      const base = message(recordBody, { recordBody, copies: [] })
      const recipients = base.recipients.map((one) => ({ ...one, route: 'undetermined' as const }))
      await store.outbox.add({ ...base, recipients, wait: { until: at(3600), nextAt: at(60) } })
    },
  ],
  [
    'one whose sender has yet to be told that it failed',
    async (store) => {
      await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
      for (const { id } of await store.outbox.claim(at(1), at(60)))
        await store.outbox.tried(
          id,
          [{ address: 'lee@hisp.example', outcome: 'final', reply: '550' }],
          at(1),
          null,
        )
    },
  ],
])('what is still open stays, however old: %s', async (_, open) => {
  await using store = await memoryStore()
  await open(store)
  expect(await store.upkeep.prune({ messagesBefore: NOW, auditBefore: null }, NOW)).toMatchObject({
    messages: 0,
  })
  expect(await ids(store)).toHaveLength(1)
})

test('a mail that still lies in its folder is known as settled for ever, and is not taken twice (IN-10)', async () => {
  await using store = await memoryStore()
  await received(store, 1)
  await store.upkeep.prune({ messagesBefore: NOW, auditBefore: NOW }, NOW)
  expect(await store.inbox.unsettled('m', '1', [1, 2])).toEqual([2])
  expect(await store.inbox.find('m', '1', 1)).toMatchObject({ state: 'settled', body: null, judgement: null })
  expect((await all(store.upkeep.check())).filter(({ level }) => level !== 'ok')).toEqual([])
})

test('a repeated message is told from a new one as long as the audit of it is kept (IN-10)', async () => {
  await using store = await memoryStore()
  await received(store, 1)
  await store.upkeep.prune({ messagesBefore: NOW, auditBefore: at(DAY / 2) }, NOW)
  const again = await store.inbox.begin('m', '2', 7, null)
  const judgement = accepted(['kim@clinic.example'], { innerSha256: '1'.padStart(64, '0') })
  expect(await store.inbox.judged(again.id, judgement, [], NOW)).toMatchObject([
    { fresh: false, state: 'delivered' },
  ])
})

test('the audit goes from its oldest row on, and what stays is still a chain that can be verified, with heads noted later', async () => {
  await using temporary = await folder()
  await using store = await temporary.open({ now: () => NOW })
  for (let day = 1; day <= 60; day++) await sent(store, day)
  const { head } = await store.upkeep.auditHead()
  expect(await store.upkeep.prune({ ...NEVER, auditBefore: at(50 * DAY) }, NOW)).toMatchObject({
    auditRows: 147,
  })
  const rows = await all(store.audit.list())
  expect(rows[0]).toMatchObject({ at: at(50 * DAY), id: 148 })
  expect(await count(temporary, 'audit_documents')).toBe(rows.length - 1)
  expect(await store.upkeep.verifyAudit(head)).toMatchObject({
    rows: rows.length,
    first: 148,
    expected: true,
    broken: null,
  })
  await temporary.sql('delete from audit_documents where audit = 148; delete from audit where id = 148')
  expect(await store.upkeep.verifyAudit()).toMatchObject({ broken: { id: 149 } })
})

test('rows that a clock set back has dated earlier stay behind the first that has to stay', async () => {
  await using store = await memoryStore()
  await sent(store, 60)
  await sent(store, 1)
  expect(await store.upkeep.prune({ ...NEVER, auditBefore: at(50 * DAY) }, NOW)).toMatchObject({
    auditRows: 0,
  })
})

test('without limits nothing goes, and a signal ends it between two transactions', async () => {
  await using store = await memoryStore()
  await sent(store, 1)
  const nothing = { messages: 0, mails: 0, auditRows: 0 }
  expect(await store.upkeep.prune(NEVER, NOW)).toEqual(nothing)
  const ended = AbortSignal.abort()
  expect(await store.upkeep.prune({ messagesBefore: NOW, auditBefore: NOW }, NOW, ended)).toEqual(nothing)
  expect(await ids(store)).toHaveLength(1)
})

ofSqlite('what was removed before a stop is audited by the next that comes to its end', async () => {
  await using temporary = await folder()
  await using store = await temporary.open({ now: () => NOW })
  for (const day of [1, 2]) await sent(store, day)
  await temporary.sql("create trigger stop before delete on audit begin select raise(abort, 'stopped'); end")
  const old = { messagesBefore: at(50 * DAY), auditBefore: at(50 * DAY) }
  await expect(store.upkeep.prune(old, NOW)).rejects.toMatchObject({ code: 'STORE_FAILED' })
  expect(await ids(store)).toEqual([])
  await temporary.sql('drop trigger stop')
  expect(await store.upkeep.prune(old, NOW)).toEqual({ messages: 0, mails: 0, auditRows: 6 })
  const text = '2 messages sent, the bodies of 0 received, and 6 rows of the audit'
  expect(await all(store.audit.list())).toMatchObject([{ event: 'pruned', why: [{ text }] }])
  expect(await store.upkeep.verifyAudit()).toMatchObject({ broken: null, first: 7 })
})

test('a clock is believed a week beyond what was believed last, or the newest row of the audit; one that is set back at once', async () => {
  await using store = await memoryStore()
  expect(await store.upkeep.believed(NOW)).toEqual(NOW)
  const day = (days: number) => at((100 + days) * DAY)
  expect(await store.upkeep.believed(day(6))).toEqual(day(6))
  expect(await store.upkeep.believed(day(4000))).toEqual(day(13))
  expect(await store.upkeep.believed(day(4000))).toEqual(day(20))
  expect(await store.upkeep.believed(day(7))).toEqual(day(7))
  await using old = await memoryStore()
  await sent(old, 10)
  expect(await old.upkeep.believed(NOW)).toEqual(at(17 * DAY))
})

test('a look by a clock of 1970, as of a machine that was not told the time yet, costs what is believed a week and no more', async () => {
  await using store = await memoryStore()
  await sent(store, 10)
  const day = (days: number) => at(days * DAY)
  expect(await store.upkeep.believed(day(10))).toEqual(day(10))
  expect(await store.upkeep.believed(new Date(0))).toEqual(new Date(0))
  expect(await store.upkeep.believed(day(10))).toEqual(day(10))
  expect(await store.upkeep.believed(new Date(0))).toEqual(new Date(0))
  expect(await store.upkeep.believed(new Date(0))).toEqual(new Date(0))
  expect(await store.upkeep.believed(day(11))).toEqual(day(3))
  expect(await store.upkeep.believed(day(11))).toEqual(day(10))
  expect(await store.upkeep.believed(day(11))).toEqual(day(11))
})
