import { expect, test } from 'vitest'
import type { Store } from '../../store/index.ts'
import { memoryStore } from './places.ts'
import { all, at, bytes, message } from './scenario.ts'

const M1 = '<m1@clinic.example>'

async function sent(store: Store, messageId = M1, to = ['lee@hisp.example', 'ann@hisp.example']) {
  await store.outbox.add(message(await store.bodies.write(bytes('sealed')), { messageId }, to))
  const [copy] = await store.outbox.claim(at(0), at(60), { messageId })
  if (copy === undefined) throw new Error('nothing to send')
  const outcomes = to.map((address) => ({ address, outcome: 'accepted' as const, reply: '250 ok' }))
  await store.outbox.tried(copy.id, outcomes, at(1), null)
}

function mdn(disposition: 'processed' | 'dispatched' | 'failed', recipient = 'lee@hisp.example') {
  return { originalMessageId: M1, recipient, disposition }
}

test('N-7: a notification moves its recipient alone, and is an event', async () => {
  await using store = await memoryStore()
  await sent(store)
  const why = [{ code: 'MDN', text: 'processed, says lee@hisp.example' }]
  expect(await store.tracking.notified(mdn('processed'), at(2), why)).toEqual({
    state: 'processed',
    changed: true,
  })
  expect((await store.tracking.status(M1))[0]?.recipients).toEqual([
    {
      address: 'lee@hisp.example',
      route: 'direct',
      state: 'processed',
      at: at(2),
      algorithms: null,
      tries: null,
      next: null,
      why,
    },
    expect.objectContaining({ address: 'ann@hisp.example', state: 'sent', at: at(1) }),
  ])
  expect(await store.tracking.events(0)).toEqual([
    { id: 1, type: 'processed', messageId: M1, address: 'lee@hisp.example', at: at(2), why },
  ])
})

test('N-7: never backwards; a late notification changes nothing, is no event, and is audited', async () => {
  await using store = await memoryStore()
  await sent(store)
  await store.tracking.notified(mdn('dispatched'), at(2), [])
  expect(await store.tracking.notified(mdn('processed'), at(3), [])).toEqual({
    state: 'dispatched',
    changed: false,
  })
  expect(await store.tracking.notified(mdn('failed'), at(4), [])).toMatchObject({ state: 'dispatched' })
  expect(await store.tracking.events(0)).toHaveLength(1)
  const rows = (await all(store.audit.list({ messageId: M1 }))).filter((row) => row.at > at(1))
  expect(rows.map(({ event, outcome }) => [event, outcome])).toEqual([
    ['dispatched', 'dispatched'],
    ['processed', 'dispatched'],
    ['failed', 'dispatched'],
  ])
})

test('Message-IDs compare exactly, addresses without case', async () => {
  await using store = await memoryStore()
  await sent(store)
  const other = { ...mdn('processed'), originalMessageId: '<M1@clinic.example>' }
  expect(await store.tracking.notified(other, at(2), [])).toBeNull()
  expect(await store.tracking.notified(mdn('processed', 'LEE@HISP.EXAMPLE'), at(2), [])).toMatchObject({
    changed: true,
  })
  expect(await store.tracking.status('<M1@clinic.example>')).toEqual([])
})

test('N-6: a notification about somebody whom we did not send to is answered by null', async () => {
  await using store = await memoryStore()
  await sent(store)
  expect(await store.tracking.notified(mdn('processed', 'eve@hisp.example'), at(2), [])).toBeNull()
  expect(await store.tracking.events(0)).toEqual([])
})

test('`status` lists the newest first, and each message with all its recipients', async () => {
  await using store = await memoryStore()
  for (const n of [1, 3, 2]) {
    const body = await store.bodies.write(bytes('sealed'))
    await store.outbox.add(
      message(body, { messageId: `<m${n}@x.example>`, at: at(n) }, ['b@x.example', 'a@x.example']),
    )
  }
  const status = await store.tracking.status()
  expect(status.map(({ messageId }) => messageId)).toEqual([
    '<m3@x.example>',
    '<m2@x.example>',
    '<m1@x.example>',
  ])
  for (const { recipients } of status)
    expect(recipients.map(({ address }) => address)).toEqual(['b@x.example', 'a@x.example'])
})

test('events are read page by page, each once, and go on from where one stopped', async () => {
  await using store = await memoryStore()
  expect(await store.tracking.lastEvent()).toBe(0)
  const to = Array.from({ length: 7 }, (_, n) => `r${n}@hisp.example`)
  await sent(store, M1, to)
  for (const address of to) await store.tracking.notified(mdn('processed', address), at(2), [])
  const seen: (string | null)[] = []
  for (let after = 0, page = await store.tracking.events(0, 3); page.length > 0; ) {
    seen.push(...page.map(({ address }) => address))
    after = page.at(-1)?.id ?? after
    page = await store.tracking.events(after, 3)
  }
  expect(seen).toEqual(to)
  expect(await store.tracking.lastEvent()).toBe(7)
  expect(await store.tracking.events(7)).toEqual([])
})

test('of whoever is queued, status tells how often SMTP was tried and when it is again; of nobody else', async () => {
  await using store = await memoryStore()
  const to = ['lee@hisp.example', 'ann@hisp.example']
  const [copy] = await store.outbox.add({
    ...message(await store.bodies.write(bytes('sealed')), {}, to),
    heldUntil: at(30),
  })
  if (copy === undefined) throw new Error('nothing is held')
  const told = async () =>
    (await store.tracking.status(M1))[0]?.recipients.map(({ state, tries, next }) => ({ state, tries, next }))
  const temporary = { outcome: 'temporary', reply: '451 busy' } as const
  await store.outbox.tried(
    copy.id,
    to.map((address) => ({ address, ...temporary })),
    at(1),
    at(6),
  )
  const queued = { state: 'queued', tries: 1, next: at(6) }
  expect(await told()).toEqual([queued, queued])
  const [again] = await store.outbox.claim(at(6), at(36))
  const accepted = { address: 'lee@hisp.example', outcome: 'accepted', reply: '250 ok' } as const
  await store.outbox.tried(again?.id ?? 0, [accepted], at(7), at(22))
  expect(await told()).toEqual([
    { state: 'sent', tries: null, next: null },
    { state: 'queued', tries: 2, next: at(22) },
  ])
})

test('of whoever waits for a route, status tells how often it was asked for and when it is again (DISC-6)', async () => {
  await using store = await memoryStore()
  const base = message(await store.bodies.write(bytes('record')), { copies: [] })
  const recipients = base.recipients.map((one) => ({ ...one, route: 'undetermined' as const }))
  const recordBody = await store.bodies.write(bytes('its record'))
  await store.outbox.add({ ...base, recipients, recordBody, wait: { until: at(3600), nextAt: at(5) } })
  expect((await store.tracking.status(M1))[0]?.recipients).toMatchObject([{ tries: 1, next: at(5) }])
  const waiting = await store.waiting.claim(at(5), at(35))
  const why = [{ code: 'ASKED_AGAIN', text: 'asked again later' }]
  const unknown = [{ address: 'lee@hisp.example', why }]
  await store.waiting.asked(
    waiting?.id ?? 0,
    { reached: [], copies: [], refused: [], unknown, again: at(20) },
    at(6),
  )
  expect((await store.tracking.status(M1))[0]?.recipients).toMatchObject([{ tries: 2, next: at(20), why }])
})
