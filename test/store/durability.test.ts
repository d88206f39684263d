import { copyFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { openStore, type Store } from '../../store/index.ts'
import { folder, isSqlite } from './places.ts'
import { accepted, all, at, bytes, child, message } from './scenario.ts'

test('a message is there after kill -9 once `add` has resolved, and it is still due', async () => {
  await using temporary = await folder()
  const victim = child('add', temporary.told)
  await victim.said('added')
  victim.kill()
  await victim.ended
  await using store = await temporary.open()
  expect(await store.outbox.byIdempotencyKey('visit-1')).toMatchObject({
    messageId: '<m1@clinic.example>',
    recipients: [{ address: 'lee@hisp.example', state: 'queued' }],
  })
  const [copy] = await store.outbox.claim(at(0), at(60))
  expect(Buffer.concat(await all(store.bodies.read(copy?.body ?? 0))).toString()).toBe('sealed')
})

test('kill -9 in the midst of a body leaves no half body: it cannot be read, and is swept a day later', async () => {
  await using temporary = await folder()
  const victim = child('half-body', temporary.told)
  await victim.said('half')
  victim.kill()
  await victim.ended
  const chunks = async () => Number((await temporary.sql('select count(*) as n from body_chunks'))[0]?.n)
  {
    await using store = await temporary.open()
    expect(await chunks()).toBeGreaterThan(0)
    await expect(store.bodies.size(1)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(all(store.bodies.read(1))).rejects.toMatchObject({ code: 'STORE_FAILED' })
  }
  const tomorrow = new Date(Date.now() + 25 * 3_600_000)
  await using _store = await temporary.open({ now: () => tomorrow })
  expect(await chunks()).toBe(0)
})

/** One of everything, so that each deed below has something to change. */
async function furnish(file: string): Promise<void> {
  await using store = await openStore({ file })
  await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
  const { id } = await store.inbox.begin('m', '1', 1, null)
  await store.inbox.judged(id, accepted(['kim@clinic.example']), [], at(1))
  await store.inbox.begin('m', '1', 2, null)
}

const MDN = { recipient: 'kim@clinic.example', messageId: '<n@x.example>', to: 'lee@hisp.example' }
const DEEDS: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
  ['outbox.add', (store) => store.outbox.add(message(1, { messageId: '<m2@x.example>' }))],
  [
    'outbox.tried',
    (store) =>
      store.outbox.tried(1, [{ address: 'lee@hisp.example', outcome: 'final', reply: '550' }], at(2), null),
  ],
  [
    'tracking.notified',
    (store) =>
      store.tracking.notified(
        {
          originalMessageId: '<m1@clinic.example>',
          recipient: 'lee@hisp.example',
          disposition: 'processed',
        },
        at(2),
        [],
      ),
  ],
  [
    'inbox.judged',
    (store) =>
      store.inbox.judged(
        2,
        accepted(['kim@clinic.example'], { innerSha256: '00'.repeat(32) }),
        [{ ...MDN, originalMessageId: '<m1@hisp.example>' }],
        at(2),
      ),
  ],
  [
    'inbox.settle',
    (store) => store.inbox.settle(1, [{ delivery: 1, outcome: 'delivered', where: 'in/ef' }], at(2)),
  ],
  [
    'audit.add',
    async (store) => {
      const [row] = await all(store.audit.list())
      if (row !== undefined) await store.audit.add(row)
    },
  ],
]

function tables(raw: DatabaseSync): string[] {
  const rows = raw.prepare("select name from sqlite_schema where type = 'table' order by name").all()
  return rows.map(({ name }) => String(name))
}

/** Every row of every table, as text. */
function everything(raw: DatabaseSync): string {
  return JSON.stringify(tables(raw).map((table) => raw.prepare(`select * from "${table}"`).all()))
}

if (isSqlite)
  test.each(DEEDS)('%s happens whole or not at all, at whichever table it fails', async (_name, deed) => {
    await using temporary = await folder()
    await furnish(temporary.file)
    const copy = `${temporary.file}.copy`
    let faults = 0
    for (const action of ['insert', 'update'])
      for (let n = 0, names = ['']; n < names.length; n++) {
        await copyFile(temporary.file, copy)
        await using store = await openStore({ file: copy })
        const raw = new DatabaseSync(copy)
        names = tables(raw).filter((name) => !name.startsWith('sqlite_'))
        raw.exec(
          `create trigger fault before ${action} on "${names[n]}" begin select raise(abort, 'injected'); end`,
        )
        const before = everything(raw)
        const failed = await deed(store).then(
          () => null,
          (error: unknown) => error,
        )
        if (failed !== null) {
          faults += 1
          expect(failed).toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining('injected') })
          expect(everything(raw), names[n]).toBe(before)
        }
        raw.close()
      }
    expect(faults).toBeGreaterThan(0)
  })
