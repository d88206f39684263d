import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { folder } from './places.ts'
import { accepted, all, at, bytes, message } from './scenario.ts'

const CANARY = 'canary-zwitscher-4711'
const SEALED = 'sealed-bytes-as-they-are'

test('MSG-15: after a message out and one in, no file of the store holds anything but ids, codes and sealed bodies', async () => {
  await using temporary = await folder()
  // The objects that the flows hand over may carry more than their types say: none of it may stick.
  const more = { subject: CANARY, name: CANARY, text: CANARY, content: CANARY, displayName: CANARY }
  await using store = await temporary.open()
  const body = await store.bodies.write(bytes(SEALED))
  const base = message(body, { idempotencyKey: 'visit-1', recordBody: body })
  const recipients = base.recipients.map((r) => ({ ...more, ...r, why: [{ ...more, code: 'X', text: 'x' }] }))
  const copies = base.copies.map((copy) => ({ ...more, ...copy }))
  await store.outbox.add({ ...more, ...base, recipients, copies })
  const wait = { ...more, until: at(3600), nextAt: at(60) }
  const waiting = recipients.map((one) => ({ ...one, route: 'undetermined' as const }))
  const kept = { ...base, messageId: '<m2@clinic.example>', idempotencyKey: null, copies: [] }
  await store.outbox.add({ ...more, ...kept, recipients: waiting, wait })
  await store.waiting.claim(at(60), at(90))
  const why = [{ ...more, code: 'X', text: 'x' }]
  const unknown = [{ ...more, address: 'lee@hisp.example', why }]
  await store.waiting.asked(2, { reached: [], copies: [], refused: [], unknown, again: at(99) }, at(61))
  await store.outbox.claim(at(0), at(60))
  const said = { ...more, address: 'lee@hisp.example', outcome: 'accepted', reply: '250' } as const
  await store.outbox.tried(1, [said], at(1), null)
  const mdn = {
    ...more,
    originalMessageId: '<m1@clinic.example>',
    recipient: 'lee@hisp.example',
    disposition: 'processed',
  } as const
  await store.tracking.notified(mdn, at(2), [{ ...more, code: 'X', text: 'x' }])
  const { id } = await store.inbox.begin('m', '1', 1, await store.bodies.write(bytes(SEALED)))
  const judgement = accepted(['kim@clinic.example'])
  const notice = {
    ...more,
    recipient: 'kim@clinic.example',
    messageId: '<n@x.example>',
    to: 'lee@hisp.example',
    originalMessageId: '<m1@hisp.example>',
  }
  await store.inbox.judged(
    id,
    { ...more, ...judgement, recipients: judgement.recipients.map((r) => ({ ...more, ...r })) },
    [notice],
    at(3),
  )
  await store.inbox.settle(id, [{ delivery: 1, outcome: 'delivered', where: 'in/ef' }], at(5))
  for (const row of await all(store.audit.list())) await store.audit.add({ ...more, ...row })

  const found = await search(dirname(temporary.file), [CANARY, SEALED])
  expect(found).toEqual({ [CANARY]: [], [SEALED]: expect.arrayContaining(['store.db-wal']) })
  await store[Symbol.asyncDispose]()
  expect(await search(dirname(temporary.file), [CANARY, SEALED])).toEqual({
    [CANARY]: [],
    [SEALED]: ['store.db'],
  })
})

/** Which files of the folder hold which words, as raw bytes. */
async function search(path: string, words: readonly string[]): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = Object.fromEntries(words.map((word) => [word, []]))
  for (const name of (await readdir(path)).sort()) {
    const raw = await readFile(join(path, name))
    for (const word of words) if (raw.includes(word)) found[word]?.push(name)
  }
  return found
}

test('MSG-15: no column is made for a subject, a display name or content', async () => {
  await using temporary = await folder()
  await using _store = await temporary.open()
  const raw = new DatabaseSync(temporary.file, { readOnly: true })
  const columns = raw
    .prepare(
      "select t.name || c.name as name from sqlite_schema t join pragma_table_info(t.name) c where t.name not like 'sqlite_%'",
    )
    .all()
    .map(({ name }) => String(name))
  raw.close()
  // What a lease or a position is called: no person.
  const ours = ['leasesname', 'positionsname']
  expect(columns.length).toBeGreaterThan(50)
  expect(columns.filter((name) => /subject|name|title|content|text|header/i.test(name))).toEqual(ours)
})
