import { request } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { type Agent, createAgent } from '../../agent/index.ts'
import { readExposition } from '../agent/operations/strict-exposition.ts'
import { closedPort } from '../cli/clinics.ts'
import { BOTH_PUBLISHED, temporaryFolder, twoClinics } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

interface Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

function ask(port: number, path: string, more: { readonly method?: string; readonly host?: string } = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const { method = 'GET', host = `127.0.0.1:${port}` } = more
    request({ host: '127.0.0.1', port, path, method, headers: { host }, agent: false }, async (response) => {
      const body = (await Array.fromAsync(response)).map(String).join('')
      resolve({ status: response.statusCode, headers: response.headers, body })
    })
      .on('error', reject)
      .end()
  })
}

/** Runs it until the test has ended. */
async function running(agent: Agent, deliverTo?: string): Promise<() => Promise<void>> {
  const stop = new AbortController()
  const started = Promise.withResolvers<void>()
  const ran = agent.run({
    ...(deliverTo !== undefined && { deliverTo }),
    signal: stop.signal,
    onStarted: started.resolve,
  })
  const end = async () => {
    stop.abort()
    await ran
  }
  onTestFinished(end)
  await Promise.race([started.promise, ran])
  return end
}

async function observedClinics() {
  const [atA, atB] = [await closedPort(), await closedPort()]
  const observed = (letter: string, port: number) => ({
    operations: { listen: `127.0.0.1:${port}` },
    mailboxes: [
      {
        imap: `imap://clinic-${letter}.example@127.0.0.1:10143/INBOX`,
        addresses: [`clinic-${letter}.example`],
        pollSeconds: 1,
      },
    ],
  })
  const clinics = await twoClinics({
    zone: BOTH_PUBLISHED,
    a: observed('a', atA),
    b: observed('b', atB),
  })
  return { ...clinics, atA, atB }
}

test('the daemon tells of its mailboxes, its outbox and its certificates, and names no patient and no partner', async () => {
  const { a, b, post, atA, atB } = await observedClinics()
  post.refuse = (to) =>
    to === 'busy@clinic-b.example' ? { outcome: 'temporary', reply: '451 CanaryReply' } : null
  await a.send(
    { from: KIM, to: [LEE], subject: 'CanarySubject', text: 'CanaryText' },
    { actor: 'CanaryActor', patient: 'CanaryPatient', documents: ['CanaryDocument'] },
  )
  await a.send({ from: KIM, to: ['busy@clinic-b.example'], text: 'CanaryText' })
  await running(a)
  await running(b, await temporaryFolder())
  await expect
    .poll(async () => (await a.status()).flatMap(({ recipients }) => recipients.map(({ state }) => state)), {
      timeout: 40_000,
    })
    .toContain('processed')
  // It is counted a moment after it is durable.
  await expect
    .poll(async () => (await ask(atA, '/metrics')).body, { timeout: 40_000 })
    .toContain('direct_messages_received_total{outcome="processed"} 1')

  const said = await ask(atA, '/metrics')
  expect(said).toMatchObject({
    status: 200,
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
  })
  const atTheSender = readExposition(said.body)
  const value = (series: typeof atTheSender, name: string, labels: object = {}) =>
    series.find((one) => one.name === name && JSON.stringify(one.labels) === JSON.stringify(labels))?.value
  expect(value(atTheSender, 'direct_outbox_waiting')).toBe(1)
  expect(value(atTheSender, 'direct_messages_received_total', { outcome: 'processed' })).toBe(1)
  expect(value(atTheSender, 'direct_recipients_unanswered', { state: 'queued' })).toBe(1)
  expect(value(atTheSender, 'direct_store_up')).toBe(1)
  expect(value(atTheSender, 'direct_audit_rows_total')).toBeGreaterThan(2)
  expect(value(atTheSender, 'direct_store_bytes')).toBeGreaterThan(10_000)
  expect(
    value(atTheSender, 'direct_certificate_end_timestamp_seconds', { for: 'clinic-a.example' }),
  ).toBeGreaterThan(1e9)
  const atTheReceiver = readExposition((await ask(atB, '/metrics')).body)
  expect(value(atTheReceiver, 'direct_messages_received_total', { outcome: 'delivered' })).toBe(1)
  expect(value(atTheReceiver, 'direct_messages_received_total', { outcome: 'refused' })).toBe(0)
  expect(value(atTheReceiver, 'direct_smtp_recipients_total', { outcome: 'accepted' })).toBe(1)
  const seconds = value(atTheReceiver, 'direct_mailbox_last_pass_timestamp_seconds', {
    mailbox: 'clinic-b.example@127.0.0.1:10143/INBOX',
  })
  expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60)

  const health = await ask(atA, '/health')
  expect(health).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
  expect(JSON.parse(health.body)).toEqual({
    ok: true,
    store: { ok: true, failure: null },
    mailboxes: [
      {
        name: 'clinic-a.example@127.0.0.1:10143/INBOX',
        ok: true,
        lastPass: expect.any(String),
        failure: null,
      },
    ],
    outbox: { waiting: 1, oldestSeconds: expect.any(Number) },
    deliveries: { waiting: 0, oldestSeconds: null },
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
  })

  const bodies = [
    said.body,
    health.body,
    ...(await Promise.all([ask(atB, '/metrics'), ask(atB, '/health')])).map(({ body }) => body),
  ]
  for (const body of bodies) expect(body).not.toMatch(/Canary|dr\.|busy/)
  // Each knows the other as a partner.
  expect(said.body + health.body).not.toContain('clinic-b')
  expect((await ask(atB, '/metrics')).body).not.toContain('clinic-a')
})

test('a store that answers, and that a step of the daemon fails by, is no health, with the code of its failure', async () => {
  const { a, dirA, atA } = await observedClinics()
  await running(a)
  expect(JSON.parse((await ask(atA, '/health')).body)).toMatchObject({ store: { ok: true } })
  const database = new DatabaseSync(join(dirA, 'direct.db'))
  database.exec('drop table waiting_messages')
  database.close()
  await expect
    .poll(async () => JSON.parse((await ask(atA, '/health')).body), { timeout: 40_000 })
    .toMatchObject({
      ok: false,
      store: { ok: false, failure: 'STORE_FAILED' },
      outbox: { waiting: 0 },
    })
  expect((await ask(atA, '/metrics')).body).toContain('direct_store_up 0')
})

test('it answers GET alone, on two paths, and only who asks for this machine', async () => {
  const { a, atA } = await observedClinics()
  const end = await running(a)
  expect(await ask(atA, '/')).toMatchObject({ status: 404 })
  expect(await ask(atA, '/metrics/../health')).toMatchObject({ status: 404 })
  expect(await ask(atA, '/health?x=1')).toMatchObject({ status: 200 })
  expect(await ask(atA, '/health', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    expect(await ask(atA, '/health', { method })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    })
  for (const host of ['clinic.example', `evil.example:${atA}`, '127.0.0.1.evil.example', '10.0.0.1'])
    expect(await ask(atA, '/metrics', { host })).toMatchObject({ status: 421 })
  for (const host of ['localhost', `LOCALHOST:${atA}`, `[::1]:${atA}`])
    expect(await ask(atA, '/health', { host })).toMatchObject({ status: 200 })
  await end()
  await expect(ask(atA, '/health')).rejects.toThrow('ECONNREFUSED')
})

test('a port that is taken is told at the start, and so is a forbidden network', async () => {
  const { a, atA } = await observedClinics()
  await running(a)
  const operations = { listen: `127.0.0.1:${atA}` }
  const publish = { listen: `127.0.0.1:${await closedPort()}` }
  const dataDir = await temporaryFolder()
  const signal = new AbortController().signal
  await using second = await createAgent({ dataDir, operations, publish })
  await expect(second.run({ signal })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringContaining(`${atA}`),
    // At boot, it may be taken for a moment.
    temporary: true,
    hint: expect.stringContaining('another direct-agent'),
  })
  await using offline = await createAgent({ dataDir, operations, publish }, { network: false })
  await expect(offline.run({ signal })).rejects.toMatchObject({ code: 'NETWORK_FORBIDDEN' })
})

test.each(['0.0.0.0:9464', '192.0.2.1:9464', 'clinic-a.example:9464', '[::]:9464', '127.0.0.1', '9464'])(
  'operations.listen is loopback with a port: %s is refused by its name',
  async (listen) => {
    await expect(createAgent({ operations: { listen } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('operations.listen'),
    })
  },
)
