import { createHash } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { AgentOptions } from '../../agent/index.ts'
import { all, twoClinics } from './clinics.ts'
import { Receiver, SECRET } from './webhook-receiver.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const referral = { from: KIM, to: [LEE], subject: 'Überweisung', text: 'Please see her.\n' }
const often = {
  imap: 'imap://clinic-b.example@127.0.0.1:10143/INBOX',
  addresses: ['clinic-b.example'],
  pollSeconds: 1,
}

/** Clinic B hands what it receives to an EHR by HTTP; `start` runs its daemon, and ends it with the test. */
async function told(webhook: Record<string, unknown> = {}, parts: AgentOptions = {}) {
  const ehr = await Receiver.start()
  onTestFinished(() => ehr[Symbol.asyncDispose]())
  const deliver = { webhook: { url: ehr.url, secretEnv: 'EHR_SECRET', ...webhook } }
  const clinics = await twoClinics({
    b: { mailboxes: [often], deliver },
    parts: { random: () => 0, env: { EHR_SECRET: SECRET }, ...parts },
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

const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000, interval: 20 })

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
  expect(await all(b.audit())).toContainEqual(expect.objectContaining({ event: 'delivered', address: LEE }))
  await eventually(async () => {
    await all(a.receiveOnce())
    return (await a.status())[0]?.recipients[0]?.state
  }).toBe('dispatched')
})
