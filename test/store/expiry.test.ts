import { expect, test } from 'vitest'
import type { NewMessage, Store } from '../../store/index.ts'
import { folder, memoryStore } from './places.ts'
import { all, at, bytes, message } from './scenario.ts'

const M1 = '<m1@clinic.example>'
const LEE = 'lee@hisp.example'
const ANN = 'ann@hisp.example'
const HOUR = 3600

/** Queued at 0, each recipient with an hour. */
async function queued(store: Store, over: Partial<NewMessage> = {}, to: readonly string[] = [LEE, ANN]) {
  const one = message(await store.bodies.write(bytes('sealed')), over, to)
  const recipients = one.recipients.map((recipient) => ({ ...recipient, deadline: at(HOUR) }))
  await store.outbox.add({ ...one, recipients })
}

async function sent(store: Store, over: Partial<NewMessage> = {}, to?: readonly string[]) {
  await queued(store, over, to)
  const [copy] = await store.outbox.claim(at(0), at(60))
  if (copy === undefined) throw new Error('nothing to send')
  const outcomes = copy.pending.map((address) => ({
    address,
    outcome: 'accepted' as const,
    reply: '250 ok',
  }))
  await store.outbox.tried(copy.id, outcomes, at(1), null)
}

const answered = (store: Store, disposition: 'processed' | 'dispatched' | 'failed', address = LEE) =>
  store.tracking.notified({ originalMessageId: M1, recipient: address, disposition }, at(60), [])

const options = { limitMs: HOUR * 1000, graceMs: 600_000 }
/** Every mailbox was read a moment ago. */
const expire = (store: Store, seconds: number, readUntil: Date | null = at(seconds)) =>
  store.tracking.expire(at(seconds), { ...options, readUntil })

async function recipients(store: Store) {
  const [one] = await store.tracking.status(M1)
  return (one?.recipients ?? []).map(({ address, state, why }) => [address, state, why[0]?.code])
}

test('N-7: what nobody has taken by the deadline is not handed over any more, unless the clock cannot be believed', async () => {
  await using store = await memoryStore()
  await queued(store)
  expect(await store.outbox.claim(at(HOUR), at(HOUR + 60))).toEqual([])
  expect(await store.outbox.claim(at(HOUR), at(HOUR + 60), { evenLate: true })).toHaveLength(1)
})

test('N-7: whoever has not answered by the deadline is expired, to the second, with an event and an audit row', async () => {
  await using store = await memoryStore()
  await sent(store)
  await answered(store, 'processed', ANN)
  expect(await expire(store, HOUR - 1)).toBe(0)
  expect(await expire(store, HOUR)).toBe(1)
  expect(await expire(store, HOUR)).toBe(0)
  expect(await recipients(store)).toEqual([
    [LEE, 'expired', 'NO_PROCESSED_IN_TIME'],
    [ANN, 'processed', undefined],
  ])
  expect((await store.tracking.events(0)).map(({ type, address }) => [type, address])).toEqual([
    ['processed', ANN],
    ['expired', LEE],
  ])
  const audit = (await all(store.audit.list({ messageId: M1 }))).filter(({ event }) => event === 'expired')
  expect(audit).toMatchObject([{ address: LEE, outcome: 'expired', at: at(HOUR) }])
})

test('N-7: where dispatched was asked for, processed alone is not enough', async () => {
  await using store = await memoryStore()
  await sent(store, { finalWanted: true })
  await answered(store, 'processed', LEE)
  await answered(store, 'processed', ANN)
  await answered(store, 'dispatched', ANN)
  expect(await expire(store, HOUR)).toBe(1)
  expect(await recipients(store)).toEqual([
    [LEE, 'expired', 'NO_DISPATCHED_IN_TIME'],
    [ANN, 'dispatched', undefined],
  ])
})

test('N-7: what no server took in time is not sent any more after its sender was told', async () => {
  await using store = await memoryStore()
  await queued(store)
  expect(await expire(store, HOUR)).toBe(2)
  expect(await recipients(store)).toEqual([
    [LEE, 'expired', 'NOT_HANDED_OVER_IN_TIME'],
    [ANN, 'expired', 'NOT_HANDED_OVER_IN_TIME'],
  ])
  expect(await store.outbox.claim(at(HOUR), at(HOUR + 60))).toEqual([])
  expect(await store.outbox.nextDue()).toBeNull()
})

test('a transaction that was under way at the deadline is audited, and changes nothing', async () => {
  await using store = await memoryStore()
  await queued(store, {}, [LEE])
  const [copy] = await store.outbox.claim(at(HOUR - 1), at(HOUR + 60))
  await expire(store, HOUR)
  const outcome = { address: LEE, outcome: 'accepted' as const, reply: '250 ok' }
  await store.outbox.tried(copy?.id as number, [outcome], at(HOUR + 1), null)
  expect(await recipients(store)).toEqual([[LEE, 'expired', 'NOT_HANDED_OVER_IN_TIME']])
  const rows = await all(store.audit.list({ messageId: M1 }))
  expect(rows.map(({ event, outcome }) => [event, outcome])).toEqual([
    ['queued', 'queued'],
    ['expired', 'expired'],
    ['sent', 'expired'],
  ])
})

test.each([
  ['once the hold has ended', HOUR - 1, ['queued', 'in-doubt', 'expired']],
  // Somebody may still be at it, and hear the answer.
  ['while it lasts', HOUR + 60, ['queued', 'expired']],
])('killed behind the dot: at the deadline it may have arrived, %s', async (_, heldUntil, events) => {
  await using store = await memoryStore()
  await queued(store, {}, [LEE])
  const [copy] = await store.outbox.claim(at(HOUR - 60), at(HOUR - 30))
  await store.outbox.hold(copy?.id as number, at(heldUntil), [LEE])
  expect(await expire(store, HOUR)).toBe(1)
  const [one] = await store.tracking.status(M1)
  expect(one?.recipients).toMatchObject([
    {
      state: 'expired',
      why: [
        { code: 'NOT_HANDED_OVER_IN_TIME', text: expect.stringContaining('is not known') },
        { code: 'SMTP_IN_DOUBT', text: expect.stringContaining('may have taken it') },
      ],
    },
  ])
  expect((await all(store.audit.list({ messageId: M1 }))).map(({ event }) => event)).toEqual(events)
  // Its answer came after all.
  const outcome = { address: LEE, outcome: 'accepted' as const, reply: '250 ok' }
  await store.outbox.tried(copy?.id as number, [outcome], at(HOUR + 1), null)
  expect((await all(store.audit.list({ messageId: M1 }))).at(-1)).toMatchObject({
    event: 'sent',
    outcome: 'expired',
  })
})

test('of the route tls no answer is waited for: taken in time is enough, not taken is not', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  const tls = (address: string, domain: string) => ({
    recipient: {
      address,
      route: 'tls',
      state: 'queued',
      why: [],
      certificate: null,
      deadline: at(HOUR),
    } as const,
    copy: { route: 'tls', domain, mailFrom: 'kim@clinic.example', recipients: [address], body } as const,
  })
  const [mom, dad] = [tls('mom@one.example', 'one.example'), tls('dad@two.example', 'two.example')]
  await store.outbox.add(
    message(body, { recipients: [mom.recipient, dad.recipient], copies: [mom.copy, dad.copy] }),
  )
  const [copy] = await store.outbox.claim(at(0), at(60), { limit: 1 })
  const outcome = { address: 'mom@one.example', outcome: 'accepted' as const, reply: '250 ok' }
  await store.outbox.tried(copy?.id as number, [outcome], at(1), null)
  expect(await expire(store, HOUR)).toBe(1)
  expect(await recipients(store)).toEqual([
    ['mom@one.example', 'sent', 'SMTP_ACCEPTED'],
    ['dad@two.example', 'expired', 'NOT_HANDED_OVER_IN_TIME'],
  ])
})

test('an answer may lie in a mailbox: nobody expires before it was read, but for ten minutes at most', async () => {
  await using store = await memoryStore()
  await sent(store, {}, [LEE])
  expect(await expire(store, HOUR + 1, at(HOUR - 1))).toBe(0)
  expect(await expire(store, HOUR + 599, null)).toBe(0)
  expect(await expire(store, HOUR + 600, at(HOUR - 1))).toBe(1)
  const [one] = await store.tracking.status(M1)
  expect(one?.recipients[0]?.why[0]?.text).toContain(`since ${at(HOUR - 1).toISOString()}`)
})

test('a deadline that a clock set which was put back since is at most the limit away', async () => {
  await using store = await memoryStore()
  await sent(store, {}, [LEE])
  const yesterday = -24 * HOUR
  expect(await expire(store, yesterday)).toBe(0)
  expect(await expire(store, yesterday + HOUR - 1)).toBe(0)
  expect(await expire(store, yesterday + HOUR)).toBe(1)
})

test('late answers to what has expired are audited, and are no event (N-7)', async () => {
  await using store = await memoryStore()
  await sent(store, {}, [LEE])
  await expire(store, HOUR)
  const events = await store.tracking.lastEvent()
  expect(await answered(store, 'processed')).toEqual({ state: 'expired', changed: false })
  expect(await store.tracking.lastEvent()).toBe(events)
  expect(await all(store.audit.list({ messageId: M1 }))).toContainEqual(
    expect.objectContaining({ event: 'processed', outcome: 'expired' }),
  )
})

test('a deadline survives a restart, and many expire a hundred at a time', async () => {
  await using place = await folder()
  const many = Array.from({ length: 130 }, (_, i) => `r${i}@hisp.example`)
  {
    await using store = await place.open()
    await sent(store, {}, many)
  }
  await using store = await place.open()
  expect([await expire(store, HOUR), await expire(store, HOUR), await expire(store, HOUR)]).toEqual([
    100, 30, 0,
  ])
})

test('an answer settles what SMTP is still asked to carry: it has arrived, whatever became of its 250', async () => {
  await using store = await memoryStore()
  await queued(store)
  await answered(store, 'processed', LEE)
  const [copy] = await store.outbox.claim(at(60), at(120))
  expect(copy?.pending).toEqual([ANN])
  await answered(store, 'failed', ANN)
  await store.outbox.tried(copy?.id as number, [], at(61), at(70))
  expect(await store.outbox.nextDue()).toBeNull()
})
