import { expect, test } from 'vitest'
import type { NewNotice, Store } from '../../store/index.ts'
import { folder, memoryStore } from './places.ts'
import { accepted, all, at } from './scenario.ts'

const KIM = 'kim@clinic.example'
const LEE = 'lee@hisp.example'

const notice = (over: Partial<NewNotice> = {}): NewNotice => ({
  recipient: KIM,
  messageId: '<processed@clinic.example>',
  to: LEE,
  originalMessageId: '<m1@hisp.example>',
  laterMessageId: '<later@clinic.example>',
  finalWanted: true,
  ...over,
})

/** A message for Kim, judged; its entry and its delivery. */
async function judged(store: Store, owed: readonly NewNotice[], uid = 7) {
  const { id } = await store.inbox.begin('box', '1', uid, null)
  const [delivery] = await store.inbox.judged(id, accepted([KIM]), owed, at(0))
  if (delivery === undefined) throw new Error('there is no delivery')
  return { id, delivery: delivery.id }
}

const owed = async (store: Store, seconds = 9) =>
  (await store.inbox.noticesDue(at(seconds))).map(({ kind, messageId }) => [kind, messageId])

const PROCESSED = ['processed', '<processed@clinic.example>']

test('dispatched is owed in the transaction that settles the delivery, if it was asked for (N-4)', async () => {
  await using place = await folder()
  await using store = await place.open()
  const { id, delivery } = await judged(store, [notice()])
  expect(await owed(store)).toEqual([PROCESSED])
  await store.inbox.settle(id, [{ delivery, outcome: 'delivered', where: '/ehr/1' }], at(1))
  await using other = await place.open()
  expect(await other.inbox.noticesDue(at(1))).toMatchObject([
    { kind: 'processed' },
    {
      kind: 'dispatched',
      messageId: '<later@clinic.example>',
      from: KIM,
      to: LEE,
      originalMessageId: '<m1@hisp.example>',
      attempts: 0,
    },
  ])
})

test('what nobody asked for is not told when it is delivered; failed is told in any case (N-4)', async () => {
  await using store = await memoryStore()
  const first = await judged(store, [notice({ finalWanted: false })])
  await store.inbox.settle(first.id, [{ ...first, outcome: 'delivered', where: null }], at(1))
  expect(await owed(store)).toEqual([PROCESSED])
  await using another = await memoryStore()
  const second = await judged(another, [notice({ finalWanted: false })])
  await another.inbox.settle(second.id, [{ ...second, outcome: 'rejected', where: null }], at(1))
  expect(await owed(another)).toEqual([PROCESSED, ['failed', '<later@clinic.example>']])
})

test('the first outcome stands, and is told once however often it is settled', async () => {
  await using store = await memoryStore()
  const { id, delivery } = await judged(store, [notice()])
  await store.inbox.settle(id, [{ delivery, outcome: 'delivered', where: null }], at(1))
  await store.inbox.settle(id, [{ delivery, outcome: 'rejected', where: null }], at(2))
  await store.inbox.settle(id, [{ delivery, outcome: 'delivered', where: null }], at(3))
  expect(await owed(store)).toEqual([PROCESSED, ['dispatched', '<later@clinic.example>']])
})

test('of trust that was withdrawn nobody outside hears, nor of what was never to be answered (IN-9)', async () => {
  await using store = await memoryStore()
  const { id, delivery } = await judged(store, [notice()])
  await store.inbox.settle(id, [{ delivery, outcome: 'rejected', where: null, withdrawn: true }], at(1))
  expect(await owed(store)).toEqual([PROCESSED])
  await using another = await memoryStore()
  const unanswerable = await judged(another, [])
  await another.inbox.settle(unanswerable.id, [{ ...unanswerable, outcome: 'rejected', where: null }], at(1))
  expect(await owed(another)).toEqual([])
})

test('the same message again owes both MDNs again if SMTP never took them, and only then (IN-10)', async () => {
  await using store = await memoryStore()
  const { id, delivery } = await judged(store, [notice()])
  await store.inbox.settle(id, [{ delivery, outcome: 'delivered', where: null }], at(1))
  for (const { id: given } of await store.inbox.noticesDue(at(2)))
    await store.inbox.noticeTried(given, at(2), null, [])
  expect(await owed(store)).toEqual([])
  await judged(store, [notice({ messageId: '<other@x.example>', laterMessageId: '<other2@x.example>' })], 8)
  expect(await owed(store)).toEqual([PROCESSED, ['dispatched', '<later@clinic.example>']])
  const rows = await all(store.audit.list({ messageId: '<m1@hisp.example>' }))
  expect(rows.map(({ event }) => event)).toContain('mdn-given-up')
})
