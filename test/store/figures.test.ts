import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../store/index.ts'
import { memoryStore, ofSqlite } from './places.ts'

ofSqlite(
  'figures of an empty store are zeros; what is open is counted by indexes, and never by reading all there ever was',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'direct-figures-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'direct.db')
    await using store = await openStore({ file })
    expect(await store.upkeep.figures()).toEqual({
      outbox: { copies: 0, oldest: null },
      unanswered: [],
      inbox: [],
      notices: [],
      auditRows: 0,
      newest: null,
      bytes: expect.any(Number),
    })
    const database = new DatabaseSync(file)
    for (const sql of [
      'select count(*), min(messages.at) from copies join messages on messages.id = copies.message where next_at > 0',
      'select state, count(*) from recipients where deadline is not null group by state',
      "select state, count(*) from inbox_entries where state in ('new', 'stored', 'judged') group by state",
      "select kind, state, count(*) from notices where state in ('owed', 'queued') group by kind, state",
    ]) {
      const plan = database.prepare(`explain query plan ${sql}`).all() as { detail: string }[]
      for (const { detail } of plan) expect(detail).not.toMatch(/^SCAN \w+$/)
    }
    database.close()
  },
)

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
