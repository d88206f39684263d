import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import type { Store } from '../../store/index.ts'
import { folder, memoryStore, ofSqlite } from './places.ts'
import { accepted, all, at, auditRow, backToVersion, bytes, message } from './scenario.ts'

const M1 = '<m1@clinic.example>'
const SEALED = {
  content: 'aes-256-cbc',
  keyTransport: 'rsa-oaep-sha256',
  digest: 'sha-256',
  signature: 'rsa-pkcs1',
}
const CERTIFICATE = 'ab'.repeat(32)

async function list(store: Store, filter?: Parameters<Store['audit']['list']>[0]) {
  return await all(store.audit.list(filter))
}

test('every row of a message says who, when, to whom, how, with which certificate, about what, and what became of it', async () => {
  await using store = await memoryStore()
  const base = message(await store.bodies.write(bytes('sealed')))
  const sealedBy = new Map([['lee@hisp.example', SEALED]])
  await store.outbox.add({ ...base, copies: base.copies.map((copy) => ({ ...copy, sealedBy })) })
  await store.outbox.tried(
    1,
    [{ address: 'lee@hisp.example', outcome: 'accepted', reply: '250 ok' }],
    at(1),
    null,
  )
  await store.tracking.notified(
    { originalMessageId: M1, recipient: 'lee@hisp.example', disposition: 'processed' },
    at(2),
    [],
  )
  const about = {
    actor: 'kim',
    messageId: M1,
    about: null,
    from: 'kim@clinic.example',
    address: 'lee@hisp.example',
    route: 'direct',
    certificate: CERTIFICATE,
    algorithms: SEALED,
    documents: ['doc-9'],
    patient: 'p-17',
  }
  expect(await list(store)).toEqual([
    { id: 1, at: at(0), event: 'queued', outcome: 'queued', why: [], ...about },
    {
      id: 2,
      at: at(1),
      event: 'sent',
      outcome: 'sent',
      why: [{ code: 'SMTP_ACCEPTED', text: '250 ok' }],
      ...about,
    },
    { id: 3, at: at(2), event: 'processed', outcome: 'processed', why: [], ...about },
  ])
})

test('a refused recipient is audited with the reason', async () => {
  await using store = await memoryStore()
  const why = [{ code: 'CERT_EXPIRED', text: 'the certificate of mom@mail.example ended on 2025-12-31' }]
  const base = message(await store.bodies.write(bytes('sealed')))
  await store.outbox.add({
    ...base,
    recipients: [
      { address: 'mom@mail.example', route: 'insecure', state: 'refused', certificate: null, why },
    ],
    copies: [],
  })
  expect(await list(store)).toMatchObject([
    { event: 'refused', address: 'mom@mail.example', route: 'insecure', outcome: 'refused', why },
  ])
})

test('what is received is audited per recipient with the signer, and so is its delivery', async () => {
  await using store = await memoryStore()
  const { id } = await store.inbox.begin('m', '1', 1, null)
  const judgement = accepted(['kim@clinic.example', 'ann@clinic.example'])
  const [first] = await store.inbox.judged(id, judgement, [], at(1))
  await store.inbox.settle(id, [{ delivery: first?.id ?? 0, outcome: 'rejected', where: null }], at(2))
  const about = {
    messageId: '<m1@hisp.example>',
    from: 'lee@hisp.example',
    certificate: 'cd'.repeat(32),
  }
  expect(await list(store)).toMatchObject([
    { event: 'received', outcome: 'accepted', address: 'kim@clinic.example', ...about },
    { event: 'received', outcome: 'accepted', address: 'ann@clinic.example', ...about },
    { event: 'rejected', outcome: 'rejected', address: 'kim@clinic.example', at: at(2), ...about },
  ])
})

test('a notification that was received is audited as one', async () => {
  await using store = await memoryStore()
  const { id } = await store.inbox.begin('m', '1', 1, null)
  await store.inbox.judged(id, accepted([], { verdict: 'notification' }), [], at(1))
  expect(await list(store)).toMatchObject([{ event: 'received', outcome: 'notification' }])
})

test('a document or a patient selects every row of the messages that carried it, and only those', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  await store.outbox.add(message(body, { documents: ['doc-9', 'doc-9', 'doc-10'] }))
  await store.outbox.add(message(body, { messageId: '<m2@x.example>', documents: [], patient: 'p-18' }))
  await store.audit.add(auditRow({ event: 'exported', messageId: M1 }))
  await store.audit.add(auditRow({ event: 'printed', documents: ['doc-9'] }))
  await store.audit.add(auditRow({ event: 'shown', patient: 'p-17' }))
  await store.audit.add(auditRow({ event: 'started' }))
  const events = async (filter: Parameters<Store['audit']['list']>[0]) =>
    (await list(store, filter)).map(({ event }) => event)
  expect(await events({ document: 'doc-9' })).toEqual(['queued', 'exported', 'printed'])
  expect(await events({ document: 'doc-10' })).toEqual(['queued', 'exported'])
  expect(await events({ document: 'doc' })).toEqual([])
  expect(await events({ patient: 'p-17' })).toEqual(['queued', 'exported', 'shown'])
  expect(await events({ messageId: M1 })).toEqual(['queued', 'exported'])
  expect(await events({ messageId: '<m2@x.example>', document: 'doc-9' })).toEqual([])
})

test('a long audit is listed whole, oldest first, while others write', async () => {
  await using store = await memoryStore()
  for (let n = 0; n < 1100; n++) await store.audit.add(auditRow({ event: `e${n}` }))
  const seen: string[] = []
  for await (const { event } of store.audit.list()) {
    seen.push(event)
    if (seen.length === 5) await store.audit.add(auditRow({ event: 'meanwhile' }))
  }
  expect(seen).toEqual([...Array.from({ length: 1100 }, (_, n) => `e${n}`), 'meanwhile'])
})

/** How SQLite would find what `ask` asks for. */
async function planOf(file: string, ask: () => Promise<unknown>): Promise<readonly string[]> {
  using prepare = vi.spyOn(DatabaseSync.prototype, 'prepare')
  await ask()
  const asked = prepare.mock.calls.map(([sql]) => sql)
  prepare.mockRestore()
  using database = new DatabaseSync(file, { readOnly: true })
  return asked.flatMap((sql) =>
    database
      .prepare(`explain query plan ${sql}`)
      .all(...Array.from(sql.matchAll(/\?/g), () => 1))
      .map(({ detail }) => String(detail)),
  )
}

ofSqlite(
  'the rows of a message, a document or a patient are found by indexes: no table is gone through',
  async () => {
    await using temporary = await folder()
    await using store = await temporary.open()
    const byMessage = await planOf(temporary.file, () => list(store, { messageId: M1 }))
    expect(byMessage).toContain(
      'SEARCH notices USING INDEX notices_by_original_message_id (original_message_id=?)',
    )
    const byDocument = await planOf(temporary.file, () => list(store, { document: 'doc-9' }))
    const byPatient = await planOf(temporary.file, () => list(store, { patient: 'p-17' }))
    for (const plan of [byMessage, byDocument, byPatient]) {
      expect(plan).not.toEqual([])
      expect(plan.filter((step) => step.startsWith('SCAN'))).toEqual([])
    }
  },
)

ofSqlite(
  'a store of version 6 has no algorithms of what it sealed before, and keeps those of what it seals now',
  async () => {
    await using temporary = await folder()
    const sealedBy = new Map([['Lee@hisp.example', SEALED]])
    const add = async (store: Store, messageId: string) => {
      const base = message(await store.bodies.write(bytes('sealed')), { messageId })
      await store.outbox.add({ ...base, copies: base.copies.map((copy) => ({ ...copy, sealedBy })) })
    }
    {
      await using store = await temporary.open()
      await add(store, M1)
    }
    backToVersion(temporary.file, 6)
    await using store = await temporary.open()
    await add(store, '<m2@clinic.example>')
    expect((await list(store)).map(({ algorithms }) => algorithms)).toEqual([null, SEALED])
    const [now, before] = await store.tracking.status()
    expect([now, before].map((one) => one?.recipients[0]?.algorithms)).toEqual([SEALED, null])
  },
)

test('by what a message was opened stands in the row of its receipt, and of its wait (ALG)', async () => {
  await using store = await memoryStore()
  const { id } = await store.inbox.begin('in', '1', 7, null)
  const judgement = { ...accepted(['kim@clinic.example']), algorithms: SEALED }
  await store.inbox.undetermined(id, { ...judgement, recipients: ['kim@clinic.example'] }, at(1), at(1))
  await store.inbox.judged(id, judgement, [], at(2))
  expect(await list(store)).toMatchObject([
    { event: 'undetermined', algorithms: SEALED },
    { event: 'received', algorithms: SEALED },
  ])
})

ofSqlite('a store of version 5 gets the index over its MDNs, and keeps what it holds', async () => {
  await using temporary = await folder()
  {
    await using store = await temporary.open()
    await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
  }
  backToVersion(temporary.file, 5)
  await using store = await temporary.open()
  // The first time that it is asked: a statement is prepared once.
  const plan = await planOf(temporary.file, async () =>
    expect(await list(store, { messageId: M1 })).toHaveLength(1),
  )
  expect(plan.join()).toContain('notices_by_original_message_id')
})
