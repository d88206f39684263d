import { expect, onTestFinished, test } from 'vitest'
import { EventTeller } from '../../agent/deliver/events.ts'
import type { Answer } from '../../agent/deliver/post.ts'
import type { Told } from '../../agent/deliver/webhook.ts'
import { silent } from '../../agent/log.ts'
import { openStore, type Store } from '../../store/index.ts'
import { all, clock, eventually, polledOften, temporaryFolder, twoClinics } from './clinics.ts'
import { Receiver, SECRET } from './webhook-receiver.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

test('the EHR that sent a message is told what became of it: processed, then dispatched, each once, signed', async () => {
  const ehr = await Receiver.start()
  onTestFinished(() => ehr[Symbol.asyncDispose]())
  const time = clock()
  const store = await openStore({ file: ':memory:', now: time.now })
  onTestFinished(() => store[Symbol.asyncDispose]())
  const deliver = { webhook: { url: ehr.url, secretEnv: 'EHR_SECRET' } }
  const { a, b } = await twoClinics({
    a: { deliver, mailboxes: [polledOften('a')] },
    parts: { env: { EHR_SECRET: SECRET }, now: time.now },
    partsA: { store },
  })
  const stop = new AbortController()
  const running = a.run({ signal: stop.signal })
  // What was before it asked is no news.
  await eventually(() => store.eventCursor.read('webhook')).toEqual({ upTo: 0, behind: [] })
  const { messageId } = await a.send(
    { from: KIM, to: [LEE], subject: 'Referral', text: 'x' },
    { finalDelivery: true },
  )
  const events = () => ehr.events().map(({ event }) => event)
  for await (const delivery of b.receive()) {
    // The two are handed over side by side where both are there: there is no second one yet.
    await eventually(events).toEqual(['processed'])
    await delivery.accept()
    break
  }
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  await eventually(events).toEqual(['processed', 'dispatched'])
  const [processed, dispatched] = ehr.events()
  expect(processed).toMatchObject({
    isSigned: true,
    json: { type: 'processed', messageId, address: LEE, id: expect.any(Number), at: expect.any(String) },
  })
  expect(processed?.key).toMatch(/^event-\d+-[0-9a-f]{12}$/)
  expect(dispatched?.key).not.toBe(processed?.key)
  stop.abort()
  await running
})

/** Events of several messages in a store, and an EHR that takes them as `answer` says. */
async function telling(answer: (told: Told) => Answer | Promise<Answer>) {
  const time = clock()
  const store = await openStore({ file: ':memory:', now: time.now })
  onTestFinished(() => store[Symbol.asyncDispose]())
  const heard: string[] = []
  const tell = async (told: Told): Promise<Answer> => {
    const { id, messageId } = JSON.parse(Buffer.concat(await Array.fromAsync(told.body.read())).toString())
    heard.push(`${messageId} ${id}`)
    return answer(told)
  }
  const start = () =>
    new EventTeller({
      store,
      tell,
      giveUpMs: 3_600_000,
      alone: async () => ({ [Symbol.dispose]() {} }),
      now: time.now,
      random: () => 0,
      log: silent,
    })
  const teller = start()
  await teller.look()
  return { time, store, heard, teller, start }
}

/** An event of its own for each name: a refusal from outside is one. */
async function happened(store: Store, ...messages: readonly string[]): Promise<void> {
  for (const messageId of messages) {
    const { id } = await store.inbox.begin('clinic/INBOX', '1', ++uid, null)
    const code = 'NOT_ENCRYPTED'
    const judgement = {
      ...({ verdict: 'reject', code, messageId, from: null, signer: null, innerSha256: null } as const),
      why: [{ code, text: 'plain' }],
      recipients: [{ address: LEE, verdict: 'reject', code }] as const,
    }
    await store.inbox.judged(id, judgement, [], new Date(0))
  }
}
let uid = 0

const OK: Answer = { status: 200, text: '' }

test('events are told in their order, one message beside the other, and each once', async () => {
  const { store, heard, teller } = await telling(() => OK)
  await happened(store, 'a', 'b', 'a', 'c', 'a')
  await teller.look()
  await teller.look()
  expect(heard.toSorted()).toEqual(['a 1', 'a 3', 'a 5', 'b 2', 'c 4'])
  expect(heard.filter((one) => one.startsWith('a'))).toEqual(['a 1', 'a 3', 'a 5'])
})

test('an event that is not taken holds up those behind it of the same message, and nobody else’s', async () => {
  let isBad = true
  const { time, store, heard, teller } = await telling((told) =>
    isBad && told.key.startsWith('event-1-') ? { status: 500, text: '' } : OK,
  )
  await happened(store, 'a', 'b', 'a', 'c')
  await teller.look()
  expect(heard.toSorted()).toEqual(['a 1', 'b 2', 'c 4'])
  await happened(store, 'a', 'd')
  await teller.look()
  expect(heard.slice(3)).toEqual(['d 6'])
  isBad = false
  time.pass(1)
  await teller.look()
  expect(heard.slice(4)).toEqual(['a 1', 'a 3', 'a 5'])
})

test('after a stop it goes on where it was, with what is behind; what was told is not told again', async () => {
  let isBad = true
  const { store, heard, teller, start } = await telling((told) =>
    isBad && told.key.startsWith('event-1-') ? { failed: 'the connection was lost' } : OK,
  )
  await happened(store, 'a', 'b', 'a')
  await teller.look()
  isBad = false
  const next = start()
  await happened(store, 'e')
  await next.look()
  expect(heard.slice(2).toSorted()).toEqual(['a 1', 'a 3', 'e 4'])
})

test('an EHR that is away is asked about a few, not about all, and everything comes once it is back', async () => {
  let isAway = true
  const { time, store, heard, teller } = await telling(() => (isAway ? { failed: 'refused' } : OK))
  const many = Array.from({ length: 250 }, (_, n) => `m${n}`)
  await happened(store, ...many)
  for (let n = 0; n < 3; n++) await teller.look()
  expect(heard).toHaveLength(4)
  isAway = false
  heard.length = 0
  for (let n = 0; n < 3; n++) {
    time.pass(5)
    await teller.look()
  }
  expect(new Set(heard).size).toBe(250)
  expect(heard).toHaveLength(250)
})

test('an event that the EHR will not have (422), or has not taken for giveUpHours, is given up, and the next one comes', async () => {
  const { time, store, heard, teller } = await telling((told) => {
    if (told.key.startsWith('event-1-')) return { status: 422, text: '' }
    return told.key.startsWith('event-3-') ? { status: 500, text: '' } : OK
  })
  await happened(store, 'a', 'a', 'b', 'b', 'c')
  await teller.look()
  expect(heard.filter((one) => one.startsWith('a'))).toEqual(['a 1', 'a 2'])
  expect(heard).not.toContain('b 4')
  for (let n = 0; n < 4; n++) {
    time.pass(30)
    await teller.look()
  }
  expect(heard.at(-1)).toBe('b 4')
})
