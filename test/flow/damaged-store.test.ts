/** Bodies of the store that a failing disk has changed: never sent, never opened, and nobody is left to wonder. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { Agent } from '../../agent/index.ts'
import { silent } from '../../agent/log.ts'
import { Lanes } from '../../agent/outbox/lanes.ts'
import { Outages } from '../../agent/outbox/outages.ts'
import { deliverCopies, type OutboxTools } from '../../agent/outbox.ts'
import { createSmtpClient } from '../../mailbox/index.ts'
import { openStore } from '../../store/index.ts'
import type { Literal } from '../dns/literal-zone.ts'
import { scriptedSmtp } from '../mailbox/scripted-smtp.ts'
import { damageBody } from '../store/damage.ts'
import { folder } from '../store/places.ts'
import { at, bytes, message } from '../store/scenario.ts'
import { all, BOTH_PUBLISHED, clock, TLS_PARTNER, temporaryFolder, twoClinics } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }

/** The body that a column of the store names, of the newest row. */
function bodyOf(dataDir: string, table: 'copies' | 'messages' | 'inbox_entries'): [string, number] {
  const file = join(dataDir, 'direct.db')
  const column = table === 'messages' ? 'record_body' : 'body'
  const raw = new DatabaseSync(file, { readOnly: true })
  const { body } = raw.prepare(`select ${column} as body from ${table} order by id desc limit 1`).get() as {
    body: number
  }
  raw.close()
  return [file, body]
}

async function noFolder(): Promise<string> {
  const file = join(await temporaryFolder(), 'no-folder')
  await writeFile(file, '')
  return file
}

test('a damaged copy is never sent whole: the connection is cut before its end, and the recipient has failed', async () => {
  await using temporary = await folder()
  await using store = await openStore({ file: temporary.file })
  const text = 'sealed\r\n'.repeat(100_000)
  const body = await store.bodies.write(bytes(text))
  await store.outbox.add(message(body))
  damageBody(temporary.file, body)
  await using smtp = await scriptedSmtp()
  const tools: OutboxTools = {
    store,
    smtp: createSmtpClient({ lookup: async () => ['127.0.0.1'] }),
    relay: { host: 'mx', port: smtp.port, secure: false },
    tlsServers: new Map(),
    openRecord: () => Promise.reject(new Error('no tls route here')),
    now: () => at(10),
    log: silent,
    lanes: new Lanes(),
    outages: new Outages(silent),
    random: () => 0,
  }
  await deliverCopies(tools, { messageId: '<m1@clinic.example>' })
  expect(smtp.sessions).toHaveLength(1)
  expect(smtp.sessions[0]?.messages).toEqual([])
  expect(await store.tracking.status()).toMatchObject([
    { recipients: [{ state: 'failed', why: [{ code: 'STORE_DAMAGED' }] }] },
  ])
  expect(await store.outbox.nextDue()).toBeNull()
  const outcome = (await all(store.audit.list())).map(({ event, why }) => [event, why[0]?.code])
  expect(outcome).toContainEqual(['failed', 'STORE_DAMAGED'])
})

const LATER = { outcome: 'temporary', reply: '451 4.3.0 try again' } as const
const states = async (agent: Agent) =>
  (await agent.status()).flatMap(({ recipients }) =>
    recipients.map(({ address, state, why }) => [address, state, why[0]?.code]),
  )
const pass = async (agent: Agent, ehr: string) => all(agent.receiveOnce({ deliverTo: ehr }))

test('the sender of a message that was damaged before it went is told by a failure notice, once (N-8)', async () => {
  const time = clock()
  const { a, post, dirA } = await twoClinics({ parts: { now: time.now, random: () => 1 } })
  post.refuse = () => LATER
  await a.send(referral)
  post.refuse = () => null
  const before = post.handed.length
  damageBody(...bodyOf(dirA, 'copies'))
  time.pass(5)
  const ehr = await temporaryFolder()
  for (let passes = 0; passes < 3; passes++) await pass(a, ehr)
  expect(await states(a)).toEqual([[LEE, 'failed', 'STORE_DAMAGED']])
  const after = post.handed.slice(before)
  expect(after.map(({ from, to }) => [from, to])).toEqual([[KIM, [KIM]]])
})

test('a damaged record goes to no partner by TLS, and is told as damaged, not as a key that is missing', async () => {
  const time = clock()
  const { a, post, dirA } = await twoClinics({ a: TLS_PARTNER, parts: { now: time.now, random: () => 1 } })
  post.refuse = () => LATER
  await a.send({ ...referral, to: ['mom@partner.example'] })
  post.refuse = () => null
  const before = post.handed.length
  damageBody(...bodyOf(dirA, 'copies'))
  time.pass(5)
  await pass(a, await temporaryFolder())
  expect(await states(a)).toEqual([['mom@partner.example', 'failed', 'STORE_DAMAGED']])
  expect(post.handed.slice(before).filter(({ tls }) => tls === 'required')).toEqual([])
})

test('who waits for a route fails at once when the message that waits is damaged', async () => {
  const time = clock()
  const zone: Record<string, Literal> = { ...BOTH_PUBLISHED, 'clinic-b.example': 'SERVFAIL' }
  const { a, post, dirA } = await twoClinics({ zone, partsA: { now: time.now, random: () => 1 } })
  await a.send(referral, { keepTryingHours: 24 })
  damageBody(...bodyOf(dirA, 'messages'))
  zone['clinic-b.example'] = BOTH_PUBLISHED['clinic-b.example'] as Literal
  time.pass(1)
  await pass(a, await temporaryFolder())
  expect(await states(a)).toEqual([[LEE, 'failed', 'STORE_DAMAGED']])
  expect(post.handed.filter(({ to }) => to.includes(LEE))).toEqual([])
})

test('a stored message that is damaged is fetched again from its folder, delivered and answered once', async () => {
  const { a, b, post, dirB } = await twoClinics()
  await a.send(referral)
  await expect(pass(b, await noFolder())).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  const [file, body] = bodyOf(dirB, 'inbox_entries')
  damageBody(file, body)
  const ehr = await temporaryFolder()
  expect(await pass(b, ehr)).toMatchObject([{ verdict: 'accept', code: null }])
  expect(await readdir(ehr)).toHaveLength(1)
  expect(post.handed.filter(({ from }) => from === LEE)).toHaveLength(1)
  expect(bodyOf(dirB, 'inbox_entries')[1]).toBeGreaterThan(body)
  const again = (await all(b.audit())).filter(({ event }) => event === 'fetched-again')
  expect(again).toMatchObject([{ from: KIM, why: [{ code: 'STORE_DAMAGED' }] }])
  expect(await pass(b, ehr)).toEqual([])
})

test('one that has left its folder as well is given up, is not filed, and its author is told that it failed (N-4)', async () => {
  const { a, b, post, dirB } = await twoClinics()
  await a.send(referral)
  await expect(pass(b, await noFolder())).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  damageBody(...bodyOf(dirB, 'inbox_entries'))
  post.folders.set(INBOX, [])
  const ehr = await temporaryFolder()
  expect(await pass(b, ehr)).toMatchObject([{ verdict: 'reject', code: 'STORE_DAMAGED', deliveredTo: null }])
  expect(await readdir(ehr)).toEqual([])
  expect(await pass(b, ehr)).toEqual([])
  const rejected = (await all(b.audit())).filter(({ event }) => event === 'rejected')
  expect(rejected).toMatchObject([{ address: LEE, why: [{ code: 'STORE_DAMAGED' }] }])
  await pass(a, ehr)
  expect(await states(a)).toEqual([[LEE, 'failed', 'NOTIFIED_FAILED']])
})
