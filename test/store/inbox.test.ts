import { expect, test } from 'vitest'
import type { NewNotice, Store } from '../../store/index.ts'
import { memoryStore } from './places.ts'
import { accepted, all, at, bytes, message } from './scenario.ts'

const KIM = 'kim@clinic.example'

const FILED = { delivery: 1, outcome: 'delivered', where: 'in/ef' } as const

function notice(messageId = '<mdn1@clinic.example>', recipient = KIM): NewNotice {
  return { recipient, messageId, to: 'lee@hisp.example', originalMessageId: '<m1@hisp.example>' }
}

async function arrived(store: Store, uid: number, uidValidity = '1'): Promise<number> {
  const body = await store.bodies.write(bytes('as it came'))
  return (await store.inbox.begin('clinic/INBOX', uidValidity, uid, body)).id
}

/** The agent seals the MDN that is due and queues it. */
async function queueDueNotice(store: Store, seconds: number): Promise<void> {
  const [due] = await store.inbox.noticesDue(at(seconds))
  if (due === undefined) throw new Error('no notice is due')
  const body = await store.bodies.write(bytes('sealed mdn'))
  const mdn = message(body, { kind: 'notification', messageId: due.messageId, at: at(seconds) })
  await store.outbox.add(mdn, due.id)
}

async function trySmtp(store: Store, seconds: number, outcome: 'accepted' | 'final'): Promise<void> {
  const [copy] = await store.outbox.claim(at(seconds), at(seconds + 60))
  if (copy === undefined) throw new Error('nothing is in the outbox')
  const said = { address: 'lee@hisp.example', outcome, reply: outcome === 'accepted' ? '250' : '550' }
  await store.outbox.tried(copy.id, [said], at(seconds), null)
}

test('a message goes new, stored, judged, settled, and is listed until it is settled', async () => {
  await using store = await memoryStore()
  const unsettled = () => store.inbox.unsettled('clinic/INBOX', '1', [9, 7, 8])
  expect(await unsettled()).toEqual([7, 8, 9])
  expect(await store.inbox.find('clinic/INBOX', '1', 7)).toBeNull()
  const fresh = await store.inbox.begin('clinic/INBOX', '1', 7, null)
  expect(fresh).toMatchObject({ mailbox: 'clinic/INBOX', uidValidity: '1', uid: 7, state: 'new', body: null })
  const id = await arrived(store, 7)
  expect(id).toBe(fresh.id)
  expect(await store.inbox.find('clinic/INBOX', '1', 7)).toMatchObject({ state: 'stored', body: 1 })
  await store.inbox.judged(id, accepted([KIM]), [], at(1))
  expect(await store.inbox.find('clinic/INBOX', '1', 7)).toMatchObject({
    state: 'judged',
    judgement: accepted([KIM]),
  })
  expect(await unsettled()).toEqual([7, 8, 9])
  await store.inbox.settle(id, [], at(2))
  expect(await unsettled()).toEqual([8, 9])
})

test('settled messages of another mailbox, or of another UIDVALIDITY, settle nothing here', async () => {
  await using store = await memoryStore()
  await store.inbox.settle(await arrived(store, 7), [], at(1))
  expect(await store.inbox.unsettled('clinic/INBOX', '1', [7])).toEqual([])
  expect(await store.inbox.unsettled('other/INBOX', '1', [7])).toEqual([7])
  expect(await store.inbox.unsettled('clinic/INBOX', '2', [7])).toEqual([7])
  expect(await store.inbox.unsettled('clinic/INBOX', '1', [])).toEqual([])
})

test('what left the folder before it was settled is left behind: by its UID or its UIDVALIDITY, the longest waiting first', async () => {
  await using store = await memoryStore()
  const { inbox } = store
  const undecided = { messageId: null, from: null, signer: null, why: [], recipients: [] }
  await inbox.begin('clinic/INBOX', '1', 1, null)
  const waiting = await arrived(store, 2)
  await inbox.undetermined(waiting, undecided, at(1), at(1))
  await inbox.judged(await arrived(store, 3), accepted([KIM]), [], at(2))
  await inbox.settle(await arrived(store, 4), [], at(2))
  await arrived(store, 5)
  await arrived(store, 5, '0')
  await inbox.begin('other/INBOX', '1', 6, await store.bodies.write(bytes('mail')))
  const left = async (uidValidity: string, present: readonly number[], limit?: number) =>
    (await inbox.leftBehind('clinic/INBOX', uidValidity, present, limit)).map((entry) => [
      entry.uidValidity,
      entry.uid,
    ])
  expect(await left('1', [5])).toEqual([
    ['1', 3],
    ['0', 5],
    ['1', 2],
  ])
  expect(await left('1', [2, 3, 5])).toEqual([['0', 5]])
  expect(await left('2', [2, 3, 5], 2)).toEqual([
    ['1', 3],
    ['1', 5],
  ])
})

test('each beginning is an attempt until there is a verdict, and a body that is kept stays', async () => {
  await using store = await memoryStore()
  const { inbox } = store
  const begin = (body: number | null) => inbox.begin('clinic/INBOX', '1', 7, body)
  const [one, other] = [await store.bodies.write(bytes('one')), await store.bodies.write(bytes('other'))]
  expect(await begin(null)).toMatchObject({ state: 'new', body: null, attempts: 1 })
  const { id } = await begin(one)
  expect(await begin(other)).toMatchObject({ id, state: 'stored', body: one, attempts: 3 })
  await inbox.spared(id)
  expect(await begin(null)).toMatchObject({ state: 'stored', body: one, attempts: 3 })
  await inbox.judged(id, accepted([KIM]), [], at(1))
  expect(await begin(other)).toMatchObject({ state: 'judged', body: one, attempts: 3 })
  await inbox.settle(id, [], at(2))
  expect(await begin(other)).toMatchObject({ state: 'settled', body: one, attempts: 3 })
})

test('what was begun and is not settled, in short: the longest waiting first', async () => {
  await using store = await memoryStore()
  const { inbox } = store
  const undecided = { messageId: null, from: null, signer: null, why: [], recipients: [] }
  await inbox.undetermined(await arrived(store, 1), undecided, at(1), at(2))
  await inbox.undetermined(await arrived(store, 2), undecided, at(1), at(1))
  await arrived(store, 3)
  await inbox.judged(await arrived(store, 4), accepted([KIM]), [], at(1))
  await inbox.judged(await arrived(store, 5), accepted([], { verdict: 'notification' }), [], at(1))
  await arrived(store, 6, '2')
  expect(await inbox.unfinished('clinic/INBOX', '1')).toMatchObject([
    { uid: 3, state: 'stored', attempts: 1, undetermined: false },
    { uid: 4, state: 'judged', attempts: 1, undetermined: false },
    { uid: 2, state: 'stored', attempts: 0, undetermined: true },
    { uid: 1, state: 'stored', attempts: 0, undetermined: true },
  ])
  expect(await inbox.unfinished('other/INBOX', '1')).toEqual([])
})

test('TR-2: a message opens one delivery per accepted recipient, and none for the refused', async () => {
  await using store = await memoryStore()
  const id = await arrived(store, 7)
  const why = [{ code: 'SIGNER_UNTRUSTED', text: 'no path to the anchors of ann@clinic.example' }]
  const judgement = accepted([KIM], {
    why,
    recipients: [
      { address: 'Kim@Clinic.Example', verdict: 'accept', code: null },
      { address: 'ann@clinic.example', verdict: 'reject', code: 'SIGNER_UNTRUSTED' },
    ],
  })
  const deliveries = await store.inbox.judged(id, judgement, [], at(1))
  expect(deliveries).toMatchObject([
    { id: 1, recipient: KIM, state: 'pending', deliveredTo: null, fresh: true },
  ])
  expect(await store.tracking.events(0)).toMatchObject([
    { type: 'rejected', messageId: '<m1@hisp.example>', address: 'ann@clinic.example', why },
  ])
})

test('IN-9: a refused message opens nothing and owes nothing; it is an event and an audit row', async () => {
  await using store = await memoryStore()
  const refused = accepted([], {
    verdict: 'reject',
    code: 'UNDECRYPTABLE',
    messageId: null,
    from: null,
    signer: null,
    innerSha256: null,
    why: [{ code: 'UNDECRYPTABLE', text: 'no key opens it' }],
  })
  expect(await store.inbox.judged(await arrived(store, 7), refused, [], at(1))).toEqual([])
  expect(await store.inbox.noticesDue(at(999))).toEqual([])
  expect(await store.tracking.events(0)).toMatchObject([{ type: 'rejected', messageId: null, address: null }])
  expect(await all(store.audit.list())).toMatchObject([
    { event: 'received', outcome: 'refused', why: [{ code: 'UNDECRYPTABLE' }] },
  ])
})

test('IN-10: the same recipient, signer and inner digest is one delivery, whatever else differs', async () => {
  await using store = await memoryStore()
  const first = await arrived(store, 7)
  await store.inbox.judged(first, accepted([KIM]), [], at(1))
  await store.inbox.settle(first, [FILED], at(2))
  const again = await store.inbox.judged(
    await arrived(store, 8),
    accepted([KIM], { messageId: '<other@hisp.example>' }),
    [],
    at(3),
  )
  expect(again).toMatchObject([
    { id: 1, recipient: KIM, state: 'delivered', deliveredTo: 'in/ef', fresh: false },
  ])
  expect(await store.inbox.deliveries(first)).toMatchObject([{ id: 1, fresh: true }])
})

test('IN-10: who repeats a message for some has to do with all whom it was opened for under one key, until they have it', async () => {
  await using store = await memoryStore()
  const ANN = 'ann@clinic.example'
  const first = await arrived(store, 7)
  const [kim, ann] = await store.inbox.judged(first, accepted([KIM, ANN]), [], at(1))
  const again = await arrived(store, 8)
  const both = [
    { recipient: ANN, state: 'pending', fresh: false, key: kim?.key },
    { recipient: KIM, state: 'pending', fresh: false, key: kim?.key },
  ]
  expect(await store.inbox.judged(again, accepted([ANN]), [], at(2))).toMatchObject(both)
  expect(await store.inbox.deliveries(again)).toMatchObject(both)
  expect(await store.inbox.deliveries(first)).toMatchObject([{ fresh: true }, { fresh: true }])
  const outcomes = [kim, ann].map((one) => ({ ...FILED, delivery: one?.id ?? 0 }))
  await store.inbox.settle(again, outcomes, at(3))
  expect(await store.inbox.deliveries(again)).toMatchObject([{ recipient: ANN, state: 'delivered' }])
})

test.each([
  ['recipient', accepted(['ann@clinic.example'])],
  ['signer', accepted([KIM], { signer: '00'.repeat(32) })],
  ['inner digest', accepted([KIM], { innerSha256: '00'.repeat(32) })],
])('IN-10: Message-ID alone decides nothing: another %s is another delivery', async (_what, other) => {
  await using store = await memoryStore()
  await store.inbox.judged(await arrived(store, 7), accepted([KIM]), [], at(1))
  expect(await store.inbox.judged(await arrived(store, 8), other, [], at(2))).toMatchObject([
    { id: 2, fresh: true },
  ])
})

test('after a UIDVALIDITY change everything is looked at again and nothing is delivered again', async () => {
  await using store = await memoryStore()
  const before = await arrived(store, 7, '1')
  await store.inbox.judged(before, accepted([KIM]), [notice()], at(1))
  await store.inbox.settle(before, [], at(2))
  expect(await store.inbox.unsettled('clinic/INBOX', '2', [1])).toEqual([1])
  const after = await arrived(store, 1, '2')
  const deliveries = await store.inbox.judged(
    after,
    accepted([KIM]),
    [notice('<mdn2@clinic.example>')],
    at(3),
  )
  expect(deliveries).toMatchObject([{ id: 1, fresh: false }])
  expect(await store.inbox.noticesDue(at(9))).toMatchObject([{ messageId: '<mdn1@clinic.example>' }])
})

test('the first verdict and the first answer of the EHR stand', async () => {
  await using store = await memoryStore()
  const id = await arrived(store, 7)
  await store.inbox.judged(id, accepted([KIM]), [], at(1))
  await store.inbox.settle(id, [FILED], at(2))
  await store.inbox.settle(id, [{ ...FILED, outcome: 'rejected', where: null }], at(3))
  expect(await store.inbox.judged(id, accepted(['ann@clinic.example']), [], at(4))).toMatchObject([
    { id: 1, recipient: KIM, state: 'delivered', deliveredTo: 'in/ef', fresh: true },
  ])
  expect((await all(store.audit.list())).map(({ event }) => event)).toEqual(['received', 'delivered'])
})

test.each([
  ['a place', 'in/ef', [{ code: 'DELIVERED_TO', text: 'in/ef' }]],
  ['none', null, []],
])('the audit row of a delivery says where the message is: %s', async (_what, where, why) => {
  await using store = await memoryStore()
  const id = await arrived(store, 7)
  await store.inbox.judged(id, accepted([KIM]), [], at(1))
  await store.inbox.settle(id, [{ ...FILED, where }], at(2))
  expect((await all(store.audit.list())).at(-1)).toMatchObject({ event: 'delivered', address: KIM, why })
})

test('N-1: an MDN is owed once per accepted recipient, oldest first, from the verdict on', async () => {
  await using store = await memoryStore()
  const both = [KIM, 'ann@clinic.example']
  const owed = both.map((recipient, n) => notice(`<mdn${n}@clinic.example>`, recipient))
  await store.inbox.judged(await arrived(store, 7), accepted(both), owed, at(5))
  expect(await store.inbox.noticesDue(at(4))).toEqual([])
  expect(await store.inbox.noticesDue(at(5))).toEqual([
    {
      id: 1,
      messageId: '<mdn0@clinic.example>',
      kind: 'processed',
      from: KIM,
      to: 'lee@hisp.example',
      originalMessageId: '<m1@hisp.example>',
      attempts: 0,
    },
    expect.objectContaining({ id: 2, from: 'ann@clinic.example' }),
  ])
  expect(await store.inbox.noticesDue(at(5), 1)).toHaveLength(1)
})

test('an MDN that cannot be sealed yet waits; given up, it is audited with the reason', async () => {
  await using store = await memoryStore()
  await store.inbox.judged(await arrived(store, 7), accepted([KIM]), [notice()], at(1))
  const why = [{ code: 'LOOKUP_FAILED', text: 'the name server of hisp.example does not answer' }]
  await store.inbox.noticeTried(1, at(2), at(60), why)
  expect(await store.inbox.noticesDue(at(59))).toEqual([])
  expect(await store.inbox.noticesDue(at(60))).toMatchObject([{ attempts: 1 }])
  await store.inbox.noticeTried(1, at(60), null, why)
  expect(await store.inbox.noticesDue(at(9999))).toEqual([])
  expect((await all(store.audit.list())).at(-1)).toMatchObject({
    event: 'mdn-given-up',
    messageId: '<mdn1@clinic.example>',
    about: '<m1@hisp.example>',
    address: 'lee@hisp.example',
    why,
  })
})

test('the rows of a message name its MDNs, and what comes from outside under the id of one is no MDN', async () => {
  await using store = await memoryStore()
  await store.inbox.judged(await arrived(store, 7), accepted([KIM]), [notice()], at(1))
  await queueDueNotice(store, 2)
  await trySmtp(store, 3, 'accepted')
  const forged = accepted([KIM], { messageId: '<mdn1@clinic.example>', innerSha256: '00'.repeat(32) })
  await store.inbox.judged(await arrived(store, 8), forged, [], at(4))
  const rows = async (messageId?: string) =>
    (await all(store.audit.list(messageId === undefined ? {} : { messageId }))).map(({ event, about }) => [
      event,
      about,
    ])
  const ofMessage = [
    ['received', null],
    ['mdn-queued', '<m1@hisp.example>'],
    ['mdn-sent', '<m1@hisp.example>'],
  ]
  expect(await rows()).toEqual([...ofMessage, ['received', null]])
  expect(await rows('<m1@hisp.example>')).toEqual(ofMessage)
  expect(await rows('<m2@hisp.example>')).toEqual([])
})

test('queueing an MDN and marking it queued are one step; a second process adds nothing', async () => {
  await using store = await memoryStore()
  await store.inbox.judged(await arrived(store, 7), accepted([KIM]), [notice()], at(1))
  const [due] = await store.inbox.noticesDue(at(1))
  const body = await store.bodies.write(bytes('sealed mdn'))
  const mdn = message(body, { kind: 'notification', messageId: '<mdn1@clinic.example>', at: at(2) })
  await expect(store.outbox.add({ ...mdn, recordBody: 4711 }, due?.id)).rejects.toMatchObject({
    code: 'STORE_FAILED',
  })
  expect(await store.inbox.noticesDue(at(2))).toHaveLength(1)
  await store.outbox.add(mdn, due?.id)
  await store.outbox.add(mdn, due?.id)
  expect(await store.inbox.noticesDue(at(2))).toEqual([])
  expect(await store.outbox.claim(at(2), at(60))).toHaveLength(1)
})

test('notifications of ours are not listed by `status`, which tells one by its id; they are no events', async () => {
  await using store = await memoryStore()
  await store.inbox.judged(await arrived(store, 7), accepted([KIM]), [notice()], at(1))
  const [due] = await store.inbox.noticesDue(at(1))
  await queueDueNotice(store, 2)
  await trySmtp(store, 3, 'final')
  expect(await store.tracking.status()).toEqual([])
  expect(await store.tracking.status(due?.messageId)).toMatchObject([
    { recipients: [{ state: 'failed', why: [{ code: 'SMTP_REFUSED' }] }] },
  ])
  expect(await store.tracking.events(0)).toEqual([])
  expect((await all(store.audit.list())).map(({ event }) => event)).toEqual([
    'received',
    'mdn-queued',
    'mdn-given-up',
  ])
})

test('IN-10: a repeated message owes its MDN again only if SMTP never took it and nothing still tries', async () => {
  await using store = await memoryStore()
  let uid = 6
  const repeat = async (seconds: number) => {
    uid += 1
    const owed = notice(`<new${uid}@clinic.example>`)
    await store.inbox.judged(await arrived(store, uid), accepted([KIM]), [owed], at(seconds))
    return (await store.inbox.noticesDue(at(seconds))).map(({ messageId }) => messageId)
  }
  expect(await repeat(1)).toEqual(['<new7@clinic.example>'])
  await queueDueNotice(store, 2)
  expect(await repeat(3), 'still in the outbox').toEqual([])
  await trySmtp(store, 4, 'final')
  expect(await store.inbox.noticesDue(at(4)), 'given up').toEqual([])
  // N-1: one that has to be sent again keeps its Message-ID.
  expect(await repeat(5)).toEqual(['<new7@clinic.example>'])
  await queueDueNotice(store, 6)
  await trySmtp(store, 7, 'accepted')
  expect(await repeat(8), 'accepted by SMTP').toEqual([])
})
