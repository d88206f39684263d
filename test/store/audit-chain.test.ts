import { expect, test } from 'vitest'
import type { AuditProof, Store } from '../../store/index.ts'
import { folder, memoryStore, ofSqlite, type TestPlace } from './places.ts'
import { all, at, backToVersion, bytes, child, message } from './scenario.ts'

/** Six rows: queued, sent and processed, of two messages; each with a document. */
async function furnish(store: Store): Promise<void> {
  for (const n of [1, 2]) {
    const body = await store.bodies.write(bytes('sealed'))
    const messageId = `<m${n}@clinic.example>`
    await store.outbox.add(message(body, { messageId, at: at(n) }))
    await store.outbox.tried(
      n,
      [{ address: 'lee@hisp.example', outcome: 'accepted', reply: '250' }],
      at(n),
      null,
    )
    const mdn = {
      originalMessageId: messageId,
      recipient: 'lee@hisp.example',
      disposition: 'processed',
    } as const
    await store.tracking.notified(mdn, at(n), [])
  }
}

async function verified(place: TestPlace, expected?: string): Promise<AuditProof> {
  await using store = await place.open()
  return await store.upkeep.verifyAudit(expected)
}

test('every row is bound to those before it, and an empty audit has an empty head', async () => {
  await using store = await memoryStore()
  expect(await store.upkeep.verifyAudit()).toEqual({
    rows: 0,
    first: 1,
    head: '',
    expected: null,
    broken: null,
  })
  await furnish(store)
  const proof = await store.upkeep.verifyAudit()
  expect(proof).toEqual({
    rows: 6,
    first: 1,
    head: expect.stringMatching(/^[0-9a-f]{64}$/),
    expected: null,
    broken: null,
  })
  expect(await store.upkeep.auditHead()).toEqual({ rows: 6, head: proof.head })
})

test('half a character, and NUL, in what the EHR or a correspondent names are no break in the chain', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  for (const odd of ['\ud83d', '\udc00', '\0']) {
    const documents = [`doc ${odd}`, 'doc-9', `doc ${odd}`]
    const named = { actor: `dr. ${odd}`, patient: odd, documents, messageId: `<m${odd}@x>` }
    await store.outbox.add(message(body, named))
  }
  expect(await store.upkeep.verifyAudit()).toMatchObject({ rows: 3, broken: null })
  expect(await all(store.audit.list({ document: 'doc \0' }))).toHaveLength(3)
})

test.each([
  ['the outcome of a row is changed', "update audit set outcome = 'refused' where id = 3", 3, 2],
  ['its time is changed', 'update audit set at = at + 1 where id = 6', 6, 5],
  ['its documents are changed', `update audit set documents = '["doc-8"]' where id = 1`, 1, 0],
  [
    'a value is moved into the column beside it',
    'update audit set actor = patient, patient = actor where id = 2',
    2,
    1,
  ],
  ['a row is taken out', 'delete from audit where id = 4', 5, 3],
  ['the first row is taken out', 'delete from audit where id = 1', 2, 0],
  ['the last row is taken out', 'delete from audit where id = 6', 6, 5],
  ['all rows are taken out', 'delete from audit', 1, 0],
  [
    'a row is put in between',
    `update audit set id = 100 where id = 6;
     insert into audit select 6, at, event, actor, message_id, sender, address, route, certificate, documents, patient,
       outcome, why, algorithms, chain from audit where id = 5`,
    6,
    5,
  ],
  [
    'two rows change places',
    'update audit set id = 100 where id = 2; update audit set id = 2 where id = 3; update audit set id = 3 where id = 100',
    2,
    1,
  ],
  ['a row is kept from being found by its document', 'delete from audit_documents where audit = 4', 4, 3],
  ['the head is taken out', 'delete from audit_head', null, 0],
  ['the head is moved off the last row', 'update audit_head set last = 3', 6, 6],
])('it is found when %s', async (_, sql, id, rows) => {
  await using temporary = await folder()
  {
    await using store = await temporary.open()
    await furnish(store)
  }
  await temporary.sql(sql)
  expect(await verified(temporary)).toMatchObject({ broken: { id }, rows })
})

test('rows taken off the end with the head set back are found by a head that was noted elsewhere, and by no other means', async () => {
  await using temporary = await folder()
  let noted: string
  {
    await using store = await temporary.open()
    await furnish(store)
    noted = (await store.upkeep.auditHead()).head
    await store.outbox.add(message(1, { messageId: '<m3@clinic.example>' }))
  }
  expect(await verified(temporary, noted)).toMatchObject({ rows: 7, expected: true, broken: null })
  await temporary.sql(
    `delete from audit where id > 5; delete from audit_documents where audit > 5;
     update audit_head set rows = 5, last = 5, chain = (select chain from audit where id = 5)`,
  )
  expect(await verified(temporary)).toMatchObject({ rows: 5, broken: null })
  expect(await verified(temporary, noted)).toMatchObject({ expected: false, broken: null })
})

test('what rolls back leaves no row and no gap in the chain', async () => {
  await using store = await memoryStore()
  await furnish(store)
  const again = message(1, { messageId: '<m9@clinic.example>', idempotencyKey: 'visit-1' })
  await store.outbox.add(again)
  await expect(store.outbox.add(again)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  await store.outbox.add(message(1, { messageId: '<m10@clinic.example>' }))
  expect(await store.upkeep.verifyAudit()).toMatchObject({ rows: 8, broken: null })
  expect((await all(store.audit.list())).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

test('processes that write at once write one chain', async () => {
  await using temporary = await folder()
  await (await temporary.open())[Symbol.asyncDispose]()
  const ends = ['a', 'b', 'c'].map((word) => child('add-many', temporary.told, word).ended)
  for (const { code } of await Promise.all(ends)) expect(code).toBe(0)
  expect(await verified(temporary)).toMatchObject({ rows: 150, broken: null })
})

ofSqlite('the rows of an older store are chained when it is brought up to date', async () => {
  await using temporary = await folder()
  {
    await using store = await temporary.open()
    await furnish(store)
  }
  const before = await verified(temporary)
  backToVersion(temporary.file, 8)
  expect(await verified(temporary)).toEqual(before)
  await using store = await temporary.open()
  await store.outbox.add(message(1, { messageId: '<m3@clinic.example>' }))
  expect(await store.upkeep.verifyAudit(before.head)).toMatchObject({ rows: 7, expected: true, broken: null })
})
