import { createHash } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Agent, AgentOptions } from '../../agent/index.ts'
import { openStore, type Store } from '../../store/index.ts'
import {
  all,
  bytesUnder,
  canaryDraft,
  clock,
  eventually,
  polledOften,
  temporaryFolder,
  twoClinics,
} from './clinics.ts'
import { Receiver, SECRET } from './webhook-receiver.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const referral = { from: KIM, to: [LEE], subject: 'Überweisung', text: 'Please see her.\n' }

/** Clinic B hands what it receives to an EHR by HTTP; `start` runs its daemon, and ends it with the test. */
async function told(webhook: Record<string, unknown> = {}, parts: AgentOptions = {}, store?: Store) {
  const ehr = await Receiver.start()
  onTestFinished(() => ehr[Symbol.asyncDispose]())
  const deliver = { webhook: { url: ehr.url, secretEnv: 'EHR_SECRET', ...webhook } }
  const clinics = await twoClinics({
    b: { mailboxes: [polledOften('b')], deliver },
    parts: { random: () => 0, env: { EHR_SECRET: SECRET }, ...parts },
    partsB: { ...(store && { store }) },
  })
  const { b } = clinics
  const start = () => {
    const stop = new AbortController()
    const running = b.run({ signal: stop.signal })
    const end = async () => {
      stop.abort()
      await running
    }
    onTestFinished(end)
    return { end }
  }
  return { ...clinics, ehr, start }
}

/** On to when what waits is tried again, and no further: nothing is under way then that would be held for too long. */
async function onToNextTry(agent: Agent, time: ReturnType<typeof clock>): Promise<void> {
  for (const { next } of await agent.untaken()) {
    const ms = (next?.getTime() ?? 0) - time.now().getTime()
    if (ms > 0) time.pass(ms / 60_000)
  }
}

test('the EHR is handed the message byte for byte, what was found out beside it, signed; 200 is durable, flagged and answered (IN-8, N-1, N-4)', async () => {
  const { a, b, post, ehr, start } = await told()
  ehr.say = (_heard, answer) => answer.writeHead(201).end('{"where": "chart 17"}')
  const sent = await a.send(referral, { finalDelivery: true })
  start()
  await eventually(() => post.folders.get(INBOX)).toMatchObject([{ seen: true, settled: true }])
  const [heard] = ehr.heard
  expect(heard).toMatchObject({
    event: 'message',
    isSigned: true,
    key: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  const sha256 = createHash('sha256')
    .update(heard?.message ?? '')
    .digest('hex')
  expect(heard?.delivery).toMatchObject({
    messageId: sent.messageId,
    verdict: 'accept',
    from: KIM,
    subject: 'Überweisung',
    recipients: [{ address: LEE, verdict: 'accept' }],
    innerSha256: sha256,
    deliveredTo: null,
    parts: [{ contentType: 'text/plain', bytes: 17 }],
  })
  expect(ehr.heard).toHaveLength(1)
  expect(await all(b.audit())).toContainEqual(
    expect.objectContaining({
      event: 'delivered',
      address: LEE,
      why: [{ code: 'DELIVERED_TO', text: 'chart 17' }],
    }),
  )
  await eventually(async () => {
    await all(a.receiveOnce())
    return (await a.status())[0]?.recipients[0]?.state
  }).toBe('dispatched')
})

test('a 200 that is lost brings the message again under the same key, and an EHR that keeps keys files it once (IN-10)', async () => {
  const time = clock()
  const { a, b, ehr, start } = await told({}, { now: time.now })
  ehr.say = (_heard, answer, n) => (n === 1 ? answer.destroy() : answer.writeHead(200).end())
  await a.send(referral)
  start()
  await eventually(() => ehr.heard.length).toBe(1)
  await eventually(async () => {
    await onToNextTry(b, time)
    return (await all(b.audit())).filter(({ event }) => event === 'delivered').length
  }).toBe(1)
  expect(ehr.heard).toHaveLength(2)
  expect(ehr.filed).toHaveLength(1)
})

test.each([
  ['500', (answer: ServerResponse) => answer.writeHead(500).end('PATIENT-CANARY')],
  ['413', (answer: ServerResponse) => answer.writeHead(413).end()],
  ['a redirect', (answer: ServerResponse) => answer.writeHead(302, { location: '/other' }).end()],
  [
    '422 that does not say that it rejects',
    (answer: ServerResponse) => answer.writeHead(422).end('{"detail": []}'),
  ],
  ['404', (answer: ServerResponse) => answer.writeHead(404).end()],
])('%s is no last word: the message waits, and comes again', async (_name, say) => {
  const time = clock()
  const lines: string[] = []
  const log = (facts: object, text: string) => lines.push(JSON.stringify({ ...facts, text }))
  const { a, b, post, ehr, start } = await told(
    {},
    { now: time.now, log: { info: log, warn: log, error: log } },
  )
  ehr.say = (_heard, answer, n) => (n === 1 ? say(answer) : answer.writeHead(204).end())
  await a.send(referral)
  start()
  await eventually(() => lines.some((line) => line.includes('not taken by the EHR'))).toBe(true)
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: false }])
  expect(await b.status()).toEqual([])
  await eventually(async () => {
    await onToNextTry(b, time)
    return ehr.heard.length
  }).toBe(2)
  expect(ehr.filed).toHaveLength(1)
  // What an EHR says may name a patient, and what signs is a secret (MSG-15).
  expect(lines.join()).not.toMatch(/PATIENT-CANARY|a secret of the tests/)
})

test('a 422 with its reason is a rejection: audited here, and the author hears that it has failed, not why (N-4)', async () => {
  const { a, b, post, ehr, start } = await told()
  ehr.say = (_heard, answer) => answer.writeHead(422).end('{"reject": "no such chart\\n"}')
  await a.send(referral)
  start()
  await eventually(async () => {
    await all(a.receiveOnce())
    return (await a.status())[0]?.recipients[0]?.state
  }).toBe('failed')
  expect(await all(b.audit())).toContainEqual(
    expect.objectContaining({ event: 'rejected', why: [{ code: 'EHR_REJECTED', text: 'no such chart?' }] }),
  )
  expect(post.handed.map(({ bytes }) => bytes.toString('latin1')).join()).not.toContain('no such chart')
  expect(ehr.heard).toHaveLength(1)
})

test('an EHR that is away is one line of the log, however many messages wait for it and however often, and one when it is back', async () => {
  const time = clock()
  const lines: string[] = []
  const log = (facts: object, text: string) => {
    if ('loop' in facts && facts.loop === 'deliveries') lines.push(text)
  }
  const { a, b, ehr, start } = await told({}, { now: time.now, log: { info: log, warn: log, error: log } })
  let isAway = true
  ehr.say = (_heard, answer) => answer.writeHead(isAway ? 503 : 204).end()
  for (let n = 0; n < 3; n++) await a.send(referral)
  start()
  await eventually(() => ehr.heard.length).toBe(3)
  await eventually(async () => {
    await onToNextTry(b, time)
    return ehr.heard.length
  }).toBeGreaterThanOrEqual(6)
  isAway = false
  await eventually(async () => {
    await onToNextTry(b, time)
    return (await b.untaken()).length
  }).toBe(0)
  const { host } = new URL(ehr.url)
  const text = `not taken by the EHR: ${host} answers 503`
  expect(lines.filter((line) => !/ times more: |^again: /.test(line))).toEqual([text, `over: ${text}`])
})

test('an EHR that never takes a message has rejected it after giveUpHours of trying, and its author hears of that (N-4)', async () => {
  const time = clock()
  const { a, b, ehr, start } = await told({ giveUpHours: 0.1 }, { now: time.now })
  ehr.say = (_heard, answer) => answer.writeHead(503).end()
  await a.send(referral)
  start()
  const rejected = async () => (await all(b.audit())).find(({ event }) => event === 'rejected')
  await eventually(async () => {
    await onToNextTry(b, time)
    return (await rejected())?.why[0]?.code
  }).toBe('EHR_UNEXPECTED')
  // Pauses of 5, 15, 60, 180 and 600 seconds: six tries, however long nobody could try.
  expect(ehr.heard).toHaveLength(6)
  await eventually(async () => {
    await all(a.receiveOnce())
    return (await a.status())[0]?.recipients[0]?.state
  }).toBe('failed')
})

test('an EHR that hangs holds up neither the mailbox, nor receipts, nor more than its four messages', async () => {
  const { a, post, ehr, start } = await told({ timeoutMs: 60_000 })
  ehr.say = () => undefined
  for (let n = 0; n < 6; n++) await a.send({ ...referral, text: `number ${n}` })
  start()
  await eventually(() => ehr.most).toBe(4)
  await eventually(async () => {
    await all(a.receiveOnce())
    return (await a.status()).map(({ recipients }) => recipients[0]?.state)
  }).toEqual(Array(6).fill('processed'))
  expect(ehr.messages()).toHaveLength(4)
  expect(post.folders.get(INBOX)).toHaveLength(6)
})

test('who is stopped while the EHR thinks begins again at once when started again, under the same key', async () => {
  const { a, ehr, start } = await told({ timeoutMs: 60_000 })
  ehr.say = (_heard, answer, n) => (n === 1 ? undefined : answer.writeHead(200).end())
  await a.send(referral)
  const { end } = start()
  await eventually(() => ehr.heard.length).toBe(1)
  await end()
  start()
  await eventually(() => ehr.heard.length).toBe(2)
  expect(ehr.filed).toHaveLength(1)
})

test('a secret that was exchanged is taken up: what the EHR refused for its signature comes again, signed anew', async () => {
  const time = clock()
  const file = join(await temporaryFolder(), 'webhook.secret')
  await writeFile(file, `${SECRET}\n`, { mode: 0o600 })
  const { a, b, ehr, start } = await told({ secretEnv: undefined, secretFile: file }, { now: time.now })
  ehr.say = ({ isSigned }, answer) => answer.writeHead(isSigned ? 200 : 401).end()
  await a.send(referral)
  start()
  await eventually(() => ehr.heard).toMatchObject([{ isSigned: true }])
  ehr.secret = 'another secret, since the first one is old'
  await a.send({ ...referral, text: 'second' })
  await eventually(() => ehr.heard.length).toBe(2)
  await writeFile(file, ehr.secret)
  await eventually(async () => {
    await onToNextTry(b, time)
    return ehr.heard.map(({ isSigned }) => isSigned)
  }).toEqual([true, false, true])
  expect(ehr.filed).toHaveLength(2)
})

test('nothing of a message that waits for the EHR lies in the clear in the data directory (MSG-15)', async () => {
  const { a, ehr, dirB, start } = await told()
  ehr.say = (_heard, answer) => answer.writeHead(500).end()
  await a.send(canaryDraft())
  start()
  await eventually(() => ehr.heard.length).toBe(1)
  const found = (await bytesUnder(dirB)).filter(({ content }) => content.includes('-CANARY'))
  expect(found.map(({ name }) => name)).toEqual([])
})

test('a large message that the EHR does not want to read comes again, whole', async () => {
  const time = clock()
  const { a, b, ehr, start } = await told({}, { now: time.now })
  let refused = 0
  ehr.early = (_request, answer) => {
    if (refused > 0) return false
    refused++
    answer.writeHead(413, { connection: 'close' }).end()
    return true
  }
  const attachment = { filename: 'scan.bin', content: Buffer.alloc(3 << 20, 'x') }
  await a.send({ ...referral, attachments: [attachment] })
  start()
  await eventually(() => refused).toBe(1)
  await eventually(async () => {
    await onToNextTry(b, time)
    return ehr.heard[0]?.message?.length ?? 0
  }).toBeGreaterThan(3 << 20)
  const [heard] = ehr.heard
  const sha256 = createHash('sha256')
    .update(heard?.message ?? '')
    .digest('hex')
  expect(heard).toMatchObject({ isSigned: true, delivery: { innerSha256: sha256 } })
})

test('a stop between the EHR’s 200 and our record of it brings the message again, under the same key (IN-10)', async () => {
  const store = await openStore({ file: ':memory:' })
  onTestFinished(() => store[Symbol.asyncDispose]())
  const { settle } = store.deliveries
  let stops = 1
  store.deliveries.settle = async (...args: Parameters<typeof settle>) => {
    if (stops-- > 0) throw new Error('the plug was pulled')
    await settle.apply(store.deliveries, args)
  }
  const { a, b, ehr, start } = await told({}, {}, store)
  await a.send(referral)
  start()
  await eventually(
    async () => (await all(b.audit())).filter(({ event }) => event === 'delivered').length,
  ).toBe(1)
  expect(ehr.heard).toHaveLength(2)
  expect(ehr.filed).toHaveLength(1)
})

test('what --deliver names goes before what the configuration says', async () => {
  const { a, b, ehr } = await told()
  await a.send(referral)
  const stop = new AbortController()
  const dir = await temporaryFolder()
  const running = b.run({ deliverTo: dir, signal: stop.signal })
  await eventually(async () => (await readdir(dir)).length).toBe(1)
  stop.abort()
  await running
  expect(ehr.heard).toEqual([])
})
