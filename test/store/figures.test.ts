import { expect, test } from 'vitest'
import { folder, memoryStore, ofSqlite } from './places.ts'

test('figures of an empty store are zeros', async () => {
  await using store = await memoryStore()
  const figures = await store.upkeep.figures()
  expect(figures).toEqual({
    outbox: { copies: 0, oldest: null, dueSince: null },
    unanswered: [],
    inbox: [],
    notices: [],
    auditRows: 0,
    newest: null,
    bytes: expect.any(Number),
  })
  expect(figures.bytes).toBeGreaterThan(0)
})

ofSqlite('what is open is counted by indexes, and never by reading all there ever was', async () => {
  await using place = await folder()
  await using _store = await place.open()
  for (const sql of [
    'select count(*), min(messages.at), min(case when held_until > next_at then held_until else next_at end) from copies join messages on messages.id = copies.message where next_at > 0',
    'select state, count(*) from recipients where deadline is not null group by state',
    "select state, count(*) from inbox_entries where state in ('new', 'stored', 'judged') group by state",
    "select kind, state, count(*) from notices where state in ('owed', 'queued') group by kind, state",
  ])
    for (const { detail } of await place.sql(`explain query plan ${sql}`))
      expect(detail).not.toMatch(/^SCAN \w+$/)
})

test('mailboxes are told by name with what is unfinished of each, and without asking for all, those alone with something', async () => {
  await using store = await memoryStore()
  const body = async () =>
    store.bodies.write(
      (async function* () {
        yield new Uint8Array([1])
      })(),
    )
  await store.inbox.begin('b', '1', 1, await body())
  await store.inbox.begin('b', '1', 2, null)
  const { id } = await store.inbox.begin('a', '1', 1, await body())
  await store.inbox.settle(id, [], new Date())
  expect(await store.upkeep.mailboxes('all')).toEqual([
    { name: 'a', unfinished: 0 },
    { name: 'b', unfinished: 1 },
  ])
  expect(await store.upkeep.mailboxes('unfinished')).toEqual([{ name: 'b', unfinished: 1 }])
})
