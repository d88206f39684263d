import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import type { Agent } from '../../agent/index.ts'
import { openStore } from '../../store/index.ts'
import { all, clock, eventually, polledOften, temporaryFolder, twoClinics } from './clinics.ts'
import { replacing } from './faults.ts'
import { Receiver, SECRET } from './webhook-receiver.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const referral = { from: KIM, to: [LEE], subject: 'CanarySubject', text: 'CanaryText' }

function running(agent: Agent, deliverTo?: string): void {
  const stop = new AbortController()
  const ran = agent.run({ signal: stop.signal, ...(deliverTo !== undefined && { deliverTo }) })
  onTestFinished(async () => {
    stop.abort()
    await ran
  })
}

const putOff = async (agent: Agent) =>
  (await all(agent.audit())).filter(({ event }) => event === 'delivery-put-off')

test('a message that the EHR answers with 401 is told as waiting, with why, tries and the next one, and is one row of the audit', async () => {
  const ehr = await Receiver.start()
  onTestFinished(() => ehr[Symbol.asyncDispose]())
  const time = clock()
  const deliver = { webhook: { url: ehr.url, secretEnv: 'EHR_SECRET' } }
  const parts = { random: () => 0, env: { EHR_SECRET: SECRET }, now: time.now }
  const { a, b } = await twoClinics({ b: { mailboxes: [polledOften('b')], deliver }, parts })
  ehr.say = (_heard, answer) => answer.writeHead(401).end('PATIENT-CANARY')
  const { messageId } = await a.send(referral)
  running(b)
  await eventually(async () => {
    time.pass(1)
    return (await b.untaken())[0]?.tries ?? 0
  }).toBeGreaterThan(1)
  const [waiting, ...others] = await b.untaken()
  expect(others).toEqual([])
  expect(waiting).toMatchObject({
    messageId,
    from: KIM,
    recipients: [LEE],
    key: expect.stringMatching(/^[0-9a-f]{64}$/),
    why: [{ code: 'EHR_DENIED', text: expect.stringMatching(/answers 401$/) }],
  })
  expect(waiting?.next?.getTime()).toBeGreaterThan(waiting?.since.getTime() ?? Number.POSITIVE_INFINITY)
  expect(await putOff(b)).toMatchObject([{ messageId, address: LEE, outcome: 'waiting', why: waiting?.why }])
  expect(JSON.stringify(await b.untaken())).not.toMatch(/canary/i)
  ehr.say = (_heard, answer) => answer.writeHead(200).end()
  await eventually(async () => {
    time.pass(1)
    return await b.untaken()
  }).toEqual([])
  expect(await putOff(b)).toHaveLength(1)
})

test('an EHR that answers and takes nothing is told apart from one that is away, by why it waits and by doctor', async () => {
  const ehr = await Receiver.start()
  onTestFinished(() => ehr[Symbol.asyncDispose]())
  const time = clock()
  const deliver = { webhook: { url: ehr.url, secretEnv: 'EHR_SECRET' } }
  const parts = { random: () => 0, env: { EHR_SECRET: SECRET }, now: time.now }
  const { a, b } = await twoClinics({ b: { mailboxes: [polledOften('b')], deliver }, parts })
  ehr.say = (_heard, answer) => answer.writeHead(403).end()
  await a.send(referral)
  running(b)
  const becomes = (code: string) =>
    eventually(async () => {
      time.pass(1)
      return (await b.untaken())[0]?.why[0]?.code
    }).toBe(code)
  const ofEhr = async () => (await all(b.doctor())).filter(({ area }) => area === 'ehr')
  await becomes('EHR_DENIED')
  expect(await ofEhr()).toMatchObject([
    { code: 'EHR_WAITS', do: expect.stringContaining('does not believe who posts') },
    { code: 'EHR_REACHED', level: 'note', text: expect.stringMatching(/^it takes connections, but .* 403$/) },
  ])
  ehr.say = (_heard, answer) => answer.writeHead(503).end()
  await becomes('EHR_UNEXPECTED')
  expect((await ofEhr()).at(-1)).toMatchObject({ level: 'note', text: expect.stringMatching(/ 503$/) })
  ehr.say = (_heard, answer) => answer.destroy()
  await becomes('EHR_UNREACHABLE')
  expect((await ofEhr()).at(-1)).toMatchObject({
    level: 'ok',
    text: 'it takes connections; nothing was posted',
  })
})

test('a message that cannot be filed is told as waiting, once in the audit, until the folder can be had', async () => {
  const time = clock()
  const { a, b } = await twoClinics({ b: { mailboxes: [polledOften('b')] }, parts: { now: time.now } })
  const folder = join(await temporaryFolder(), 'ehr')
  await writeFile(folder, 'no folder')
  const { messageId } = await a.send(referral)
  for (let pass = 0; pass < 2; pass++) {
    await expect(all(b.receiveOnce({ deliverTo: folder }))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    time.pass(1)
  }
  const why = [{ code: 'FILE_UNWRITABLE', text: expect.stringContaining(folder) }]
  expect(await b.untaken(messageId)).toMatchObject([{ messageId, recipients: [LEE], tries: 0, why }])
  expect(await b.untaken('<another@clinic-a.example>')).toEqual([])
  expect(await putOff(b)).toMatchObject([{ messageId, address: LEE, why }])
  await rm(folder)
  expect(await all(b.receiveOnce({ deliverTo: folder }))).toMatchObject([{ verdict: 'accept' }])
  expect(await b.untaken()).toEqual([])
})

test('where why a message waits cannot be kept either, what kept it from being filed is told, and no other is held up', async () => {
  const store = await openStore({ file: ':memory:' })
  onTestFinished(() => store[Symbol.asyncDispose]())
  let asked = 0
  const notTaken = async () => {
    asked++
    throw new DirectError('STORE_FAILED', 'the disk is full', { temporary: true })
  }
  const full = replacing(store, { deliveries: replacing(store.deliveries, { notTaken }) })
  const { a, b } = await twoClinics({ partsB: { store: full } })
  const folder = join(await temporaryFolder(), 'ehr')
  await writeFile(folder, 'no folder')
  await a.send(referral)
  await a.send(referral)
  await expect(all(b.receiveOnce({ deliverTo: folder }))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  expect(asked).toBe(2)
})
