import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Store } from '../../store/index.ts'
import { folder, memoryStore } from './places.ts'
import { accepted, all, at, bytes } from './scenario.ts'

const AWAY = [{ code: 'EHR_UNREACHABLE', text: 'ehr.example answers 503' }]
const SHUT = [{ code: 'EHR_UNREACHABLE', text: 'ehr.example answers 401' }]

const [KIM, LEE, ANN] = ['kim@clinic.example', 'lee@clinic.example', 'ann@clinic.example'] as const

async function judged(store: Store, uid: number, to: readonly string[], seconds = 1): Promise<number> {
  const body = await store.bodies.write(bytes('as it came'))
  const { id } = await store.inbox.begin('clinic/INBOX', '1', uid, body)
  await store.inbox.judged(id, accepted(to), [], at(seconds))
  return id
}

const who = (waiting: { readonly deliveries: readonly { readonly recipient: string }[] } | null) =>
  waiting?.deliveries.map(({ recipient }) => recipient)

test('a message that was accepted is due at once, to one process at a time, and again when the hold has ended', async () => {
  await using store = await memoryStore()
  const entry = await judged(store, 7, [LEE, KIM])
  const waiting = await store.deliveries.claim(at(1), at(31))
  expect(waiting).toMatchObject({ entry: { id: entry, body: 1 }, attempts: 0 })
  expect(who(waiting)).toEqual([LEE, KIM])
  expect(await store.deliveries.claim(at(30), at(60))).toBeNull()
  expect(who(await store.deliveries.claim(at(31), at(61)))).toEqual([LEE, KIM])
})

test('its key is made of signer, digest and recipients, so that a restored store gives the same (IN-10)', async () => {
  await using store = await memoryStore()
  await judged(store, 7, [LEE, KIM])
  const { signer, innerSha256 } = accepted([])
  const named = `${signer} ${innerSha256} ${KIM} ${LEE}`
  const waiting = await store.deliveries.claim(at(1), at(31))
  expect(waiting?.key).toBe(createHash('sha256').update(named).digest('hex'))
})

test('the same message again, to one more of us, is a delivery of its own, for that one alone (IN-10)', async () => {
  await using store = await memoryStore()
  await judged(store, 7, [LEE])
  await judged(store, 8, [LEE, ANN], 2)
  const [first, second] = [
    await store.deliveries.claim(at(3), at(31)),
    await store.deliveries.claim(at(3), at(31)),
  ]
  expect([who(first), who(second)]).toEqual([[LEE], [ANN]])
  expect(first?.key).not.toBe(second?.key)
  expect(await store.deliveries.claim(at(3), at(31))).toBeNull()
})

test('the keys of a message’s deliveries are told once all of each have their outcome, and of no other message', async () => {
  await using store = await memoryStore()
  await judged(store, 7, [LEE, KIM])
  await judged(store, 8, [ANN], 2)
  const { innerSha256 } = accepted([])
  const settled = () => store.deliveries.settledKeys([String(innerSha256), 'unknown'])
  expect(await settled()).toEqual([])
  const first = await store.deliveries.claim(at(3), at(31))
  if (first === null) throw new Error('nothing is due')
  const outcomes = first.deliveries.map(
    ({ id }) => ({ delivery: id, outcome: 'delivered', where: 'x' }) as const,
  )
  await store.deliveries.settle(first, outcomes.slice(0, 1), at(4))
  expect(await settled()).toEqual([])
  await store.deliveries.settle(first, outcomes.slice(1), at(5))
  expect(await settled()).toEqual([first.key])
  expect(await store.deliveries.settledKeys(['unknown'])).toEqual([])
  expect(await store.deliveries.settledKeys([])).toEqual([])
})

test('what was not taken is due again when it was put off to, and counts its tries in vain', async () => {
  await using store = await memoryStore()
  await judged(store, 7, [LEE])
  const first = await store.deliveries.claim(at(1), at(31))
  if (first === null) throw new Error('nothing is due')
  await store.deliveries.putOff(first, { at: at(5), retryAt: at(10), failed: true, why: AWAY })
  expect(await store.deliveries.claim(at(9), at(40))).toBeNull()
  const again = await store.deliveries.claim(at(10), at(40))
  expect(again).toMatchObject({ attempts: 1, key: first.key })
  if (again === null) throw new Error('nothing is due')
  await store.deliveries.putOff(again, { at: at(10), retryAt: at(11), failed: false, why: [] })
  expect(await store.deliveries.claim(at(11), at(40))).toMatchObject({ attempts: 1 })
})

test('what was put off or held by a clock that has been set back since is due at once', async () => {
  await using store = await memoryStore()
  const week = 7 * 86_400
  await judged(store, 7, [LEE], week)
  expect(await store.deliveries.claim(at(week + 1), at(week + 31))).not.toBeNull()
  const held = await store.deliveries.claim(at(week - 7200), at(week - 7170))
  if (held === null) throw new Error('nothing is due')
  await store.deliveries.putOff(held, {
    at: at(week - 7200),
    retryAt: at(week - 3600),
    failed: true,
    why: [],
  })
  expect(await store.deliveries.claim(at(week - 7199), at(week - 7169))).toBeNull()
  expect(await store.deliveries.claim(at(0), at(30))).toMatchObject({ key: held.key, attempts: 1 })
})

test('what was put off to no time waits for the pass over its mailbox, which may set it to the clock again', async () => {
  await using store = await memoryStore()
  const entry = await judged(store, 7, [LEE])
  const untaken = async () =>
    (await store.inbox.unfinished('clinic/INBOX', '1')).map(({ untaken }) => untaken)
  expect(await untaken()).toEqual(['timed'])
  const waiting = await store.deliveries.claim(at(1), at(31))
  if (waiting === null) throw new Error('nothing is due')
  await store.deliveries.putOff(waiting, { at: at(1), retryAt: null, failed: false, why: [] })
  expect(await untaken()).toEqual(['waiting'])
  expect(await store.deliveries.claim(at(100), at(131))).toBeNull()
  await store.deliveries.schedule(await store.inbox.deliveries(entry), at(200))
  expect(await untaken()).toEqual(['timed'])
  expect(await store.deliveries.claim(at(200), at(231))).toMatchObject({ key: waiting.key })
})

test('the first outcome stands, is audited with its reason, and leaves the entry to the pass that flags it', async () => {
  await using store = await memoryStore()
  const entry = await judged(store, 7, [LEE])
  const waiting = await store.deliveries.claim(at(1), at(31))
  if (waiting === null) throw new Error('nothing is due')
  const [delivery] = waiting.deliveries.map(({ id }) => id)
  if (delivery === undefined) throw new Error('a delivery waits')
  const why = [{ code: 'EHR_REJECTED', text: 'no such chart' }]
  await store.deliveries.settle(waiting, [{ delivery, outcome: 'rejected', where: null, why }], at(2))
  await store.deliveries.settle(waiting, [{ delivery, outcome: 'delivered', where: 'x' }], at(3))
  expect(await store.inbox.deliveries(entry)).toMatchObject([{ state: 'rejected', deliveredTo: null }])
  expect(await all(store.audit.list())).toMatchObject([
    { event: 'received' },
    { event: 'rejected', address: LEE, why },
  ])
  expect(await store.deliveries.claim(at(100), at(131))).toBeNull()
  expect(await store.inbox.unfinished('clinic/INBOX', '1')).toMatchObject([{ id: entry, untaken: 'none' }])
  await store.deliveries.close([entry], at(4))
  expect(await store.inbox.unfinished('clinic/INBOX', '1')).toEqual([])
})

test('how many messages wait, and since when', async () => {
  await using store = await memoryStore()
  expect(await store.deliveries.figures()).toEqual({ waiting: 0, oldest: null })
  await judged(store, 7, [LEE, KIM], 5)
  expect(await store.deliveries.figures()).toEqual({ waiting: 1, oldest: at(5) })
})

test('what the EHR has yet to take is told: since when, why, how often it was tried and when again', async () => {
  await using store = await memoryStore()
  expect(await store.deliveries.untaken(at(0))).toEqual([])
  await judged(store, 7, [LEE, KIM])
  await judged(store, 8, [ANN], 2)
  const first = await store.deliveries.claim(at(2), at(31))
  if (first === null) throw new Error('nothing is due')
  await store.deliveries.putOff(first, { at: at(3), retryAt: at(10), failed: true, why: AWAY })
  const { signer: _, ...judgement } = accepted([])
  const untaken = await store.deliveries.untaken(at(4))
  expect(untaken).toMatchObject([
    {
      messageId: judgement.messageId,
      from: judgement.from,
      mailbox: 'clinic/INBOX',
      innerSha256: judgement.innerSha256,
      key: first.key,
      recipients: [LEE, KIM],
      since: at(1),
      tries: 1,
      next: at(10),
      heldUntil: null,
      why: AWAY,
    },
    { recipients: [ANN], since: at(2), tries: 0, next: at(2), heldUntil: null, why: [] },
  ])
  expect(await store.deliveries.untaken(at(4), judgement.messageId ?? '')).toEqual(untaken)
  expect(await store.deliveries.untaken(at(4), '<another@hisp.example>')).toEqual([])
})

test('what a process holds, though it was killed, is told with until when; not once others may take it, or the clock was set back', async () => {
  await using store = await memoryStore()
  await judged(store, 7, [LEE, KIM])
  await store.deliveries.claim(at(2), at(32))
  const heldUntil = async (seconds: number) => (await store.deliveries.untaken(at(seconds)))[0]?.heldUntil
  expect(await heldUntil(31)).toEqual(at(32))
  expect(await heldUntil(32)).toBeNull()
  expect(await heldUntil(-2 * 3600)).toBeNull()
})

test('that the EHR does not take it is audited once, for each of ours; what comes after is told and not audited', async () => {
  await using store = await memoryStore()
  await judged(store, 7, [LEE, KIM])
  const putOff = async (seconds: number, why: typeof AWAY) => {
    const waiting = await store.deliveries.claim(at(seconds), at(seconds + 30))
    if (waiting === null) throw new Error('nothing is due')
    await store.deliveries.putOff(waiting, {
      at: at(seconds),
      retryAt: at(seconds + 1),
      failed: why.length > 0,
      why,
    })
  }
  const told = async () => (await store.deliveries.untaken(at(6))).map(({ why, tries }) => ({ why, tries }))
  // Whoever was stopped says nothing of the EHR.
  await putOff(2, [])
  expect(await all(store.audit.list())).toMatchObject([{ event: 'received' }, { event: 'received' }])
  await putOff(3, AWAY)
  await putOff(4, [])
  expect(await told()).toEqual([{ why: AWAY, tries: 1 }])
  await putOff(5, SHUT)
  expect(await told()).toEqual([{ why: SHUT, tries: 2 }])
  const rows = (await all(store.audit.list())).slice(2)
  expect(rows).toMatchObject(
    [LEE, KIM].map((address) => ({
      event: 'delivery-put-off',
      messageId: '<m1@hisp.example>',
      from: 'lee@hisp.example',
      address,
      outcome: 'waiting',
      at: at(3),
      why: AWAY,
    })),
  )
  expect((await store.upkeep.verifyAudit()).broken).toBeNull()
})

test('a pass that cannot hand over says why, and touches nothing that somebody holds', async () => {
  await using store = await memoryStore()
  const entry = await judged(store, 7, [LEE])
  const deliveries = await store.inbox.deliveries(entry)
  const full = [{ code: 'FILE_UNWRITABLE', text: 'cannot file a message in ehr: ENOSPC' }]
  await store.deliveries.notTaken(deliveries, { at: at(2), next: at(32), why: full })
  const told = { why: full, next: at(32), tries: 0, since: at(1) }
  expect(await store.deliveries.untaken(at(3))).toMatchObject([told])
  expect(await store.deliveries.claim(at(31), at(61))).toBeNull()
  const waiting = await store.deliveries.claim(at(32), at(62))
  expect(waiting).toMatchObject({ attempts: 0 })
  await store.deliveries.notTaken(deliveries, { at: at(33), next: at(63), why: SHUT })
  expect(await store.deliveries.untaken(at(33))).toMatchObject([told])
  expect(await store.deliveries.claim(at(61), at(91))).toBeNull()
  const events = (await all(store.audit.list())).map(({ event }) => event)
  expect(events).toEqual(['received', 'delivery-put-off'])
})

test('who was stopped for longer than its hold neither holds, puts off nor gives up what another has taken over; what it was told stands', async () => {
  await using temporary = await folder()
  await using stopped = await temporary.open()
  await using other = await temporary.open()
  await judged(stopped, 7, [LEE])
  const first = await stopped.deliveries.claim(at(1), at(31))
  const second = await other.deliveries.claim(at(32), at(62))
  if (first === null || second === null) throw new Error('nothing is due')
  await stopped.deliveries.hold(first, at(900))
  await stopped.deliveries.putOff(first, { at: at(40), retryAt: at(41), failed: true, why: AWAY })
  expect(await stopped.deliveries.giveUp(first, { at: at(41), why: AWAY })).toBe(false)
  expect(await stopped.deliveries.claim(at(61), at(91))).toBeNull()
  await other.deliveries.hold(second, at(92))
  expect(await stopped.deliveries.claim(at(91), at(121))).toBeNull()
  expect((await all(stopped.audit.list())).map(({ event }) => event)).toEqual(['received'])
  const [{ id = 0 } = {}] = first.deliveries
  await stopped.deliveries.settle(first, [{ delivery: id, outcome: 'delivered', where: 'a' }], at(95))
  await other.deliveries.settle(second, [{ delivery: id, outcome: 'rejected', where: null }], at(96))
  expect(await other.inbox.deliveries(first.entry.id)).toMatchObject([
    { state: 'delivered', deliveredTo: 'a' },
  ])
})

test('what is given up is rejected, audited with why, and not due again', async () => {
  await using store = await memoryStore()
  await judged(store, 7, [LEE, KIM])
  const waiting = await store.deliveries.claim(at(1), at(31))
  if (waiting === null) throw new Error('nothing is due')
  await store.deliveries.hold(waiting, at(60))
  expect(await store.deliveries.giveUp(waiting, { at: at(40), why: AWAY })).toBe(true)
  expect(await store.deliveries.claim(at(100), at(131))).toBeNull()
  const ends = (await all(store.audit.list())).filter(({ event }) => event === 'rejected')
  expect(ends.map((row) => [row.address, row.why])).toEqual([
    [LEE, AWAY],
    [KIM, AWAY],
  ])
})

test('what nobody holds any more can be put off to another time by who put it off', async () => {
  await using store = await memoryStore()
  await judged(store, 7, [LEE])
  const waiting = await store.deliveries.claim(at(1), at(31))
  if (waiting === null) throw new Error('nothing is due')
  await store.deliveries.putOff(waiting, { at: at(2), retryAt: at(500), failed: false, why: [] })
  await store.deliveries.putOff(waiting, { at: at(3), retryAt: at(3), failed: false, why: [] })
  expect(await store.deliveries.claim(at(3), at(33))).toMatchObject({ key: waiting.key })
})
