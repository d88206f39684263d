import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { all, temporaryFolder, twoClinics } from '../flow/clinics.ts'
import { foreignMail } from '../flow/foreign-mail.ts'
import { folder } from './places.ts'
import { at, bytes, message } from './scenario.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

/** Longer than PostgreSQL's index takes, and nothing that could be compressed. */
const long = () => randomBytes(6000).toString('base64url')

test('mail with a Message-ID that no index takes is received or refused as any other, and stops nothing', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const { b, post } = await twoClinics({ partsB: { store } })
  const [plain, wrapped, named] = [`<${long()}@x>`, `<${long()}@x>`, `<${long()}@x>`]
  const ids = (id: string) => ({ outer: { 'Message-ID': id } })
  post.drop(LEE, KIM, await foreignMail({ encryptTo: null, ...ids(plain) }))
  post.drop(LEE, KIM, await foreignMail({ inner: { 'Message-ID': wrapped }, ...ids(wrapped) }))
  const answer = { 'Message-ID': '<answer@clinic-a.example>', 'In-Reply-To': named, References: named }
  post.drop(LEE, KIM, await foreignMail({ inner: answer }))
  post.drop(LEE, KIM, await foreignMail({ inner: { 'Message-ID': '<whole@clinic-a.example>' } }))
  const reports = await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(reports.map((report) => ('verdict' in report ? (report.code ?? report.verdict) : report))).toEqual([
    'NOT_ENCRYPTED',
    'accept',
    'accept',
    'accept',
  ])
  const eventsOf = async (id: string) => (await all(b.audit({ messageId: id }))).map(({ event }) => event)
  expect(await eventsOf(plain)).toEqual(['received'])
  expect(await eventsOf(wrapped)).toEqual(['received', 'delivered', 'mdn-given-up'])
  expect(await eventsOf(named)).toEqual([])
  expect(await store.upkeep.verifyAudit()).toMatchObject({ broken: null })
})

test('an id of the EHR that no index takes is found again by all of it', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const [idempotencyKey, messageId, patient, document] = [long(), `<${long()}@x>`, long(), long()]
  const body = await store.bodies.write(bytes('x'))
  await store.outbox.add(message(body, { idempotencyKey, messageId, patient, documents: [document] }))
  expect(await store.outbox.byIdempotencyKey(idempotencyKey)).not.toBeNull()
  expect(await store.outbox.byIdempotencyKey(`${idempotencyKey}1`)).toBeNull()
  expect(await store.tracking.status(messageId)).toHaveLength(1)
  expect(await all(store.audit.list({ document }))).toHaveLength(1)
  expect(await all(store.audit.list({ patient }))).toHaveLength(1)
  const receipt = { originalMessageId: messageId, recipient: 'lee@hisp.example' }
  await store.tracking.notified({ ...receipt, disposition: 'processed' }, at(1), [])
  expect((await all(store.audit.list({ messageId }))).map(({ event }) => event)).toContain('processed')
})

test('what a URL of a certificate says is kept, however long that is', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const url = `http://ca.example/${long()}`
  const fetched = {
    key: `issuer ${url}`,
    url,
    kind: 'issuer',
    request: null,
    body: new Uint8Array(1),
  } as const
  await store.fetches.put({ ...fetched, fetchedAt: at(0), refreshAt: at(1) }, at(0))
  expect(await store.fetches.get(fetched.key, null)).toMatchObject({ url })
  const [due] = await store.fetches.due(at(2), at(0), 1)
  await store.fetches.postpone(due?.key ?? '', at(9))
  expect(await store.fetches.due(at(2), at(0), 1)).toEqual([])
})
