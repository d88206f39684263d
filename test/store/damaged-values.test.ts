import { join } from 'node:path'
import { expect } from 'vitest'
import type { Store } from '../../store/index.ts'
import { folder, ofSqlite } from './places.ts'
import { at, bytes, message } from './scenario.ts'

const DAMAGED = { name: 'DirectError', code: 'STORE_DAMAGED', hint: expect.stringContaining('restore') }

const asked: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  status: (store) => store.tracking.status(),
  audit: (store) => Array.fromAsync(store.audit.list()),
  check: (store) => Array.fromAsync(store.upkeep.check()),
  head: (store) => store.upkeep.auditHead(),
  events: (store) => store.tracking.events(0),
  figures: (store) => store.upkeep.figures(),
}

/** What a failing disk makes of one value, and what then cannot be answered. */
const VALUES: readonly (readonly [change: string, unanswered: readonly string[]])[] = [
  ["update audit set why = 'x['", ['audit']],
  ["update audit set documents = ''", ['audit']],
  ["update audit set algorithms = x'00ff'", ['audit']],
  ['update audit set at = 9007199254740993', ['audit', 'check', 'figures']],
  ["update recipients set why = '['", ['status']],
  ['update recipients set at = -9007199254740993', ['status']],
  ['update audit_head set rows = 9007199254740993', ['head', 'check']],
  ["update body_chunks set data = 'text'", []],
]

ofSqlite('a value that nobody wrote is damage, which is told as such, and no bug of ours', async () => {
  for (const [change, unanswered] of VALUES) {
    await using temporary = await folder()
    {
      await using store = await temporary.open()
      const body = await store.bodies.write(bytes('sealed'))
      await store.outbox.add(message(body))
    }
    await temporary.sql(change)
    await using store = await temporary.open()
    const failed: string[] = []
    for (const [what, ask] of Object.entries(asked))
      await ask(store).catch((error: unknown) => {
        expect(error).toMatchObject(DAMAGED)
        failed.push(what)
      })
    expect(failed.sort(), change).toEqual([...unanswered].sort())
  }
})

ofSqlite('a backup of an audit whose times are none is made, and says what is damaged', async () => {
  await using temporary = await folder()
  {
    await using store = await temporary.open()
    await store.outbox.add(message(await store.bodies.write(bytes('sealed')), { at: at(5) }))
  }
  await temporary.sql('update audit set at = 1e300')
  await using store = await temporary.open()
  const { newest, damage } = await store.upkeep.backup(join(temporary.path, 'backup.db'))
  expect(newest).toBeNull()
  expect(damage.map(({ code }) => code)).toEqual(['AUDIT_BROKEN'])
})
