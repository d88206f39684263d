import { expect, test } from 'vitest'
import type { Store } from '../../store/index.ts'
import { folder, memoryStore } from './places.ts'
import { all, at, bytes, message } from './scenario.ts'

const KIM = 'kim@clinic.example'
const LEE = 'lee@hisp.example'
const ANN = 'ann@hisp.example'
const M1 = '<m1@clinic.example>'

/** Queued, each recipient with an hour. */
async function queued(store: Store, messageId = M1) {
  const one = message(await store.bodies.write(bytes('sealed')), { messageId }, [LEE, ANN])
  const recipients = one.recipients.map((recipient) => ({ ...recipient, deadline: at(3600) }))
  await store.outbox.add({ ...one, recipients })
}

function ids() {
  let made = 0
  return (sender: string) => `<notice-${++made}@${sender.split('@')[1]}>`
}

const expire = (store: Store) =>
  store.tracking.expire(at(3600), { limitMs: 3_600_000, graceMs: 0, readUntil: at(3600) })

const failed = (store: Store, recipient: string) =>
  store.tracking.notified({ originalMessageId: M1, recipient, disposition: 'failed' }, at(60), [
    { code: 'NOTIFIED_FAILED', text: 'mailbox full' },
  ])

test('N-8: those of a message that fail together share a notice; each stands in one alone', async () => {
  await using store = await memoryStore()
  await queued(store)
  expect(await store.inbox.oweFailures(at(30), ids())).toBe(0)
  await failed(store, LEE)
  const newId = ids()
  expect(await store.inbox.oweFailures(at(61), newId)).toBe(1)
  expect(await store.inbox.oweFailures(at(62), newId)).toBe(0)
  await expire(store)
  expect(await store.inbox.oweFailures(at(3601), newId)).toBe(1)
  expect(await store.inbox.noticesDue(at(3601))).toEqual([
    {
      id: 1,
      kind: 'failure',
      messageId: '<notice-1@clinic.example>',
      from: KIM,
      to: KIM,
      originalMessageId: M1,
      attempts: 0,
      sentAt: at(0),
      concerned: [
        {
          address: LEE,
          state: 'failed',
          why: [{ code: 'NOTIFIED_FAILED', text: 'mailbox full' }],
          at: at(60),
        },
      ],
    },
    expect.objectContaining({
      messageId: '<notice-2@clinic.example>',
      concerned: [expect.objectContaining({ address: ANN, state: 'expired', at: at(3600) })],
    }),
  ])
})

test('two processes owe a notice once, and it survives a restart', async () => {
  await using place = await folder()
  await using first = await place.open()
  await using second = await place.open()
  await queued(first)
  await expire(first)
  const newId = ids()
  const owed = await Promise.all([first, second].map((store) => store.inbox.oweFailures(at(3600), newId)))
  expect(owed.reduce((a, b) => a + b)).toBe(1)
  expect(await second.inbox.noticesDue(at(3600))).toHaveLength(1)
})

test('where no notices are wanted none comes later either', async () => {
  await using store = await memoryStore()
  await queued(store)
  await expire(store)
  expect(await store.inbox.oweFailures(at(3600), null)).toBe(0)
  expect(await store.inbox.oweFailures(at(3700), ids())).toBe(0)
})

test('what becomes of a notice is in the audit of its message, and makes no notice and no event of its own', async () => {
  await using store = await memoryStore()
  await queued(store)
  await expire(store)
  await store.inbox.oweFailures(at(3600), ids())
  const [notice] = await store.inbox.noticesDue(at(3600))
  const body = await store.bodies.write(bytes('sealed'))
  await store.outbox.add(
    message(body, { messageId: notice?.messageId as string, kind: 'failure', at: at(3601) }, [KIM]),
    notice?.id,
  )
  const events = await store.tracking.lastEvent()
  const [copy] = await store.outbox.claim(at(3602), at(3660))
  const outcome = { address: KIM, outcome: 'final' as const, reply: '550 no' }
  await store.outbox.tried(copy?.id as number, [outcome], at(3603), null)
  expect(await store.inbox.oweFailures(at(3604), ids())).toBe(0)
  expect(await store.tracking.lastEvent()).toBe(events)
  const rows = (await all(store.audit.list({ messageId: M1 }))).filter(({ about }) => about === M1)
  expect(rows.map(({ event, outcome }) => [event, outcome])).toEqual([
    ['failure-owed', 'owed'],
    ['failure-queued', 'queued'],
    ['failure-given-up', 'failed'],
  ])
})

test('a notice that cannot be sealed is tried again, or given up, which is audited', async () => {
  await using store = await memoryStore()
  await queued(store)
  await expire(store)
  await store.inbox.oweFailures(at(3600), ids())
  const why = [{ code: 'IDENTITY_MISSING', text: 'no identity is configured' }]
  await store.inbox.noticeTried(1, at(3601), at(3700), why)
  expect(await store.inbox.noticesDue(at(3699))).toEqual([])
  await store.inbox.noticeTried(1, at(3700), null, why)
  expect(await store.inbox.noticesDue(at(9999))).toEqual([])
  expect(await all(store.audit.list({ messageId: M1 }))).toContainEqual(
    expect.objectContaining({ event: 'failure-given-up', why }),
  )
})

test('so many messages at a time get their notices, and the rest stays owed', async () => {
  await using store = await memoryStore()
  for (let n = 0; n < 5; n++) await queued(store, `<m${n}@clinic.example>`)
  await expire(store)
  const newId = ids()
  expect(await store.inbox.oweFailures(at(3600), newId, 2)).toBe(2)
  expect(await store.inbox.oweFailures(at(3600), newId, 2)).toBe(2)
  expect(await store.inbox.oweFailures(at(3600), newId, 2)).toBe(1)
})
