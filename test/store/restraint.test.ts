import { expect, test } from 'vitest'
import type { NewNotice, Store } from '../../store/index.ts'
import { memoryStore } from './places.ts'
import { accepted, all, at } from './scenario.ts'

const KIM = 'kim@clinic.example'
const LEE = 'lee@hisp.example'
const HOUR = 3600

let uid = 0

/** A message from `from`, judged at `seconds`; what is owed for it has this number. */
async function receive(
  store: Store,
  seconds: number,
  { from = LEE, answers = [] }: { readonly from?: string; readonly answers?: readonly string[] } = {},
) {
  const n = ++uid
  const notice: NewNotice = {
    recipient: KIM,
    messageId: `<mdn-${n}@clinic.example>`,
    to: from,
    originalMessageId: `<m${n}@hisp.example>`,
    laterMessageId: `<later-${n}@clinic.example>`,
    finalWanted: true,
  }
  const { id } = await store.inbox.begin('box', '1', n, null)
  const messageId = notice.originalMessageId
  const judgement = accepted([KIM], { messageId, from, innerSha256: n.toString(16).padStart(64, '0') })
  const [delivery] = await store.inbox.judged(id, { ...judgement, answers }, [notice], at(seconds))
  return { id, delivery: delivery?.id as number, mdn: notice.messageId, messageId }
}

const due = async (store: Store, seconds: number) => (await store.inbox.noticesDue(at(seconds))).length

test('no more than so many MDNs go to one correspondent within an hour; what is more waits, and is not lost', async () => {
  await using store = await memoryStore({ mdnsPerHour: 3 })
  for (const seconds of [0, 10, 20]) await receive(store, seconds)
  const fourth = await receive(store, 30)
  const fifth = await receive(store, 40)
  await receive(store, 40, { from: 'ann@hisp.example' })
  expect(await due(store, 41)).toBe(4)
  expect(await due(store, HOUR - 1)).toBe(4)
  expect(await due(store, HOUR)).toBe(5)
  expect(await due(store, HOUR + 9)).toBe(5)
  expect(await due(store, HOUR + 10)).toBe(6)
  // Two hours on, nobody stands in its way.
  const later = await receive(store, 2 * HOUR + 60)
  const ids = (await store.inbox.noticesDue(at(2 * HOUR + 60))).map(({ messageId }) => messageId)
  expect(ids).toContain(later.mdn)
  const putOff = (await all(store.audit.list())).filter(({ event }) => event === 'mdn-put-off')
  expect(putOff).toMatchObject([
    { messageId: fourth.mdn, about: fourth.messageId, address: LEE, outcome: 'put-off' },
    { messageId: fifth.mdn },
  ])
})

test('who sends for many hours in one is answered hour by hour, and not all at once', async () => {
  await using store = await memoryStore({ mdnsPerHour: 1 })
  for (const seconds of [0, 1, 2, 3]) await receive(store, seconds)
  expect(await due(store, 4)).toBe(1)
  expect(await due(store, HOUR)).toBe(2)
  expect(await due(store, 2 * HOUR)).toBe(3)
  expect(await due(store, 3 * HOUR)).toBe(4)
})

test('what a clock dated that has been set back since goes at once, and puts off nobody until it is that late again', async () => {
  await using store = await memoryStore({ mdnsPerHour: 1 })
  const week = 7 * 24 * HOUR
  await receive(store, week)
  await receive(store, week + 1)
  expect(await due(store, week + 2)).toBe(1)
  const [first] = await store.inbox.noticesDue(at(0))
  expect(await due(store, 0)).toBe(2)
  await receive(store, 1)
  expect(await due(store, 1)).toBe(3)
  // Tried in vain, it rests like any other.
  await store.inbox.noticeTried(first?.id ?? 0, at(1), at(61), [])
  expect(await due(store, 60)).toBe(2)
  expect(await due(store, 61)).toBe(3)
})

test('dispatched counts like processed', async () => {
  await using store = await memoryStore({ mdnsPerHour: 1 })
  const { id, delivery } = await receive(store, 0)
  await store.inbox.settle(id, [{ delivery, outcome: 'delivered', where: null }], at(1))
  expect(await due(store, HOUR - 1)).toBe(1)
  expect(await due(store, HOUR)).toBe(2)
})

test('what answers an MDN of ours is not answered, now or when the EHR has it, and that is audited (N-2)', async () => {
  await using store = await memoryStore()
  const first = await receive(store, 0)
  const answer = await receive(store, 1, { answers: ['<else@x.example>', first.mdn] })
  await store.inbox.settle(answer.id, [{ ...answer, outcome: 'rejected', where: null }], at(2))
  expect((await store.inbox.noticesDue(at(3))).map(({ messageId }) => messageId)).toEqual([first.mdn])
  const rows = await all(store.audit.list({ messageId: answer.messageId }))
  expect(rows.map(({ event }) => event)).toEqual(['received', 'unanswered', 'rejected'])
  expect(rows[1]?.why[0]?.text).toContain(first.mdn)
})

test('what answers a message that is none of ours is answered', async () => {
  await using store = await memoryStore()
  const first = await receive(store, 0)
  await receive(store, 1, { answers: [first.messageId] })
  expect(await due(store, 2)).toBe(2)
})
