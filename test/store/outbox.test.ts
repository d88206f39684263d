import { expect, test } from 'vitest'
import type { NewMessage, Store } from '../../store/index.ts'
import { folder, memoryStore } from './places.ts'
import { all, at, bytes, message } from './scenario.ts'

async function queued(store: Store, over: Partial<NewMessage> = {}, to?: readonly string[]): Promise<void> {
  await store.outbox.add(message(await store.bodies.write(bytes('sealed')), over, to))
}

async function states(store: Store, messageId?: string): Promise<Record<string, string>> {
  const messages = await store.tracking.status(messageId)
  return Object.fromEntries(messages.flatMap((m) => m.recipients.map((r) => [r.address, r.state])))
}

test('a queued message is due at once, with everything that SMTP needs', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  await store.outbox.add(message(body, {}, ['Lee@Hisp.Example', 'ann@hisp.example']))
  expect(await store.outbox.nextDue()).toEqual(at(0))
  expect(await store.outbox.claim(at(0), at(60))).toEqual([
    {
      id: 1,
      kind: 'message',
      messageId: '<m1@clinic.example>',
      route: 'direct',
      domain: 'hisp.example',
      mailFrom: 'kim@clinic.example',
      recipients: ['lee@hisp.example', 'ann@hisp.example'],
      pending: ['lee@hisp.example', 'ann@hisp.example'],
      body,
      attempts: 0,
    },
  ])
})

test('a refused recipient is kept with its reason, beside the queued one, and no copy waits for it', async () => {
  await using store = await memoryStore()
  const why = [{ code: 'NO_CERTIFICATE', text: 'nothing is published for mom@mail.example' }]
  const base = message(await store.bodies.write(bytes('sealed')))
  const refused = {
    address: 'mom@mail.example',
    route: 'insecure',
    state: 'refused',
    certificate: null,
    why,
  } as const
  await store.outbox.add({ ...base, recipients: [...base.recipients, refused] })
  const unsealed = { at: at(0), algorithms: null }
  const queued = { ...unsealed, state: 'queued', tries: 0, next: at(0), why: [] }
  const settled = { ...unsealed, tries: null, next: null }
  expect(await store.tracking.status('<m1@clinic.example>')).toEqual([
    {
      messageId: '<m1@clinic.example>',
      from: 'kim@clinic.example',
      at: at(0),
      recipients: [
        { ...queued, address: 'lee@hisp.example', route: 'direct' },
        { ...settled, address: 'mom@mail.example', route: 'insecure', state: 'refused', why },
      ],
    },
  ])
})

test('an idempotency key stands for its first message only; the second adds nothing', async () => {
  await using store = await memoryStore()
  expect(await store.outbox.byIdempotencyKey('visit-1')).toBeNull()
  await queued(store, { idempotencyKey: 'visit-1' })
  await expect(
    queued(store, { idempotencyKey: 'visit-1', messageId: '<m2@clinic.example>' }),
  ).rejects.toMatchObject({ name: 'DirectError', code: 'IDEMPOTENCY_CONFLICT' })
  expect(await store.outbox.byIdempotencyKey('visit-1')).toMatchObject({ messageId: '<m1@clinic.example>' })
  expect(await store.tracking.status()).toHaveLength(1)
  expect(await all(store.audit.list())).toHaveLength(1)
})

test('idempotency keys that a database would keep alike are each a key of its own', async () => {
  await using store = await memoryStore()
  const long = 'k'.repeat(9000)
  const keys = [
    'a\0b',
    'a\ufffdb',
    'a\ud800b',
    'a\ud801b',
    'A\ufffdb',
    'e\u0301',
    '\u00e9',
    'k',
    'k ',
    long,
    `${long}k`,
  ]
  for (const [n, idempotencyKey] of keys.entries())
    await queued(store, { idempotencyKey, messageId: `<m${n}@clinic.example>` })
  for (const [n, key] of keys.entries())
    expect(await store.outbox.byIdempotencyKey(key)).toMatchObject({ messageId: `<m${n}@clinic.example>` })
})

test('in a race of two connections for one idempotency key exactly one wins', async () => {
  await using temporary = await folder()
  await using one = await temporary.open()
  await using two = await temporary.open()
  const tries = Array.from({ length: 10 }, (_, n) =>
    queued(n % 2 === 0 ? one : two, { idempotencyKey: 'visit-1', messageId: `<m${n}@clinic.example>` }),
  )
  const outcomes = await Promise.allSettled(tries)
  const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(lost.map(({ reason }) => reason.code)).toEqual(Array(9).fill('IDEMPOTENCY_CONFLICT'))
  expect(await one.tracking.status()).toHaveLength(1)
})

test('a claimed copy is held until its lease ends, and then is due again, counted', async () => {
  await using store = await memoryStore()
  await queued(store)
  expect(await store.outbox.claim(at(0), at(60))).toHaveLength(1)
  expect(await store.outbox.claim(at(59), at(120))).toEqual([])
  expect(await store.outbox.nextDue()).toEqual(at(60))
  expect(await store.outbox.claim(at(60), at(120))).toMatchObject([{ attempts: 1 }])
})

test('MDNs that wait can be hastened, mail cannot, nor what failed too often', async () => {
  await using store = await memoryStore()
  await queued(store, { messageId: '<mail@clinic.example>' })
  await queued(store, { messageId: '<mdn@clinic.example>', kind: 'notification' })
  for (const copy of await store.outbox.claim(at(0), at(60)))
    await store.outbox.tried(copy.id, [], at(0), at(1000))
  await store.outbox.hastenNotices(at(1), 1)
  expect(await store.outbox.claim(at(1), at(60))).toEqual([])
  await store.outbox.hastenNotices(at(1), 2)
  expect(await store.outbox.claim(at(1), at(60))).toMatchObject([{ messageId: '<mdn@clinic.example>' }])
  await store.outbox.hastenNotices(at(2), 9)
  expect(await store.outbox.claim(at(2), at(60))).toEqual([])
})

test('who was stopped for longer than its hold gives nothing back that another has taken over; what a server said stands', async () => {
  const [LEE, ANN] = ['lee@hisp.example', 'ann@hisp.example'] as const
  await using temporary = await folder()
  await using stopped = await temporary.open()
  await using other = await temporary.open()
  await stopped.outbox.add(message(await stopped.bodies.write(bytes('sealed')), {}, [LEE, ANN]))
  const [copy] = await stopped.outbox.claim(at(0), at(30))
  const [again] = await other.outbox.claim(at(31), at(61))
  if (copy === undefined || again === undefined) throw new Error('nothing was due')
  await stopped.outbox.hold(copy.id, at(900))
  const said = [{ address: LEE, outcome: 'accepted', reply: '250' } as const]
  await stopped.outbox.tried(copy.id, said, at(40), null)
  const [{ recipients = [] } = {}] = await other.tracking.status()
  expect(recipients.map(({ address, state }) => `${address} ${state}`)).toEqual([
    `${LEE} sent`,
    `${ANN} queued`,
  ])
  expect(await stopped.outbox.claim(at(60), at(90))).toEqual([])
  await other.outbox.tried(again.id, [], at(60), at(65))
  expect(await stopped.outbox.claim(at(65), at(95))).toMatchObject([{ pending: [ANN], attempts: 2 }])
})

test('a hold that is renewed keeps the copy from others, one that was given back is not taken again', async () => {
  await using store = await memoryStore()
  await queued(store)
  const [copy] = await store.outbox.claim(at(0), at(30))
  const id = copy?.id as number
  await store.outbox.hold(id, at(60))
  // Killed or not, status tells no earlier next try.
  expect(await store.tracking.status()).toMatchObject([{ recipients: [{ tries: 1, next: at(60) }] }])
  expect(await store.outbox.claim(at(59), at(120))).toEqual([])
  expect(await store.outbox.claim(at(60), at(120))).toHaveLength(1)
  await store.outbox.tried(id, [], at(70), at(80))
  await store.outbox.hold(id, at(200))
  expect(await store.outbox.claim(at(80), at(120))).toHaveLength(1)
})

test('with `untriedSince`, a fresh message is left to whoever queued it, a tried one and an MDN are not', async () => {
  await using store = await memoryStore()
  await queued(store)
  const claim = (seconds: number, since: number) =>
    store.outbox.claim(at(seconds), at(seconds + 5), { untriedSince: at(since) })
  expect(await claim(10, -20)).toEqual([])
  expect(await claim(30, 0)).toHaveLength(1)
  expect(await claim(36, -20)).toHaveLength(1)
  await queued(store, { messageId: '<mdn@clinic.example>', kind: 'notification' })
  expect(await claim(37, -20)).toMatchObject([{ messageId: '<mdn@clinic.example>' }])
})

test('with `route`, the copies of another route are left alone', async () => {
  await using store = await memoryStore()
  await queued(store)
  expect(await store.outbox.claim(at(10), at(15), { route: 'tls' })).toEqual([])
  expect(await store.outbox.claim(at(10), at(15), { route: 'direct' })).toMatchObject([{ route: 'direct' }])
})

test('with `notDomains`, mail by TLS to these is left alone, and mail by Direct is not', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  for (const [route, domain] of [
    ['tls', 'slow.example'],
    ['tls', 'quick.example'],
    ['direct', 'slow.example'],
  ] as const) {
    const copies = [{ route, domain, mailFrom: 'kim@clinic.example', recipients: ['lee@hisp.example'], body }]
    await store.outbox.add(message(body, { messageId: `<${route}@${domain}>`, copies }))
  }
  const claimed = await store.outbox.claim(at(0), at(60), { notDomains: ['slow.example'] })
  expect(claimed.map(({ messageId }) => messageId)).toEqual(['<tls@quick.example>', '<direct@slow.example>'])
})

test('`claim` keeps to its limit, to the oldest, and to one message when it is asked to', async () => {
  await using store = await memoryStore()
  for (const n of [3, 1, 2]) await queued(store, { messageId: `<m${n}@x.example>`, at: at(n) })
  const ids = async (...claim: Parameters<Store['outbox']['claim']>) =>
    (await store.outbox.claim(...claim)).map(({ messageId }) => messageId)
  expect(await ids(at(0), at(60))).toEqual([])
  expect(await ids(at(9), at(60), { messageId: '<m2@x.example>' })).toEqual(['<m2@x.example>'])
  expect(await ids(at(9), at(60), { limit: 1 })).toEqual(['<m1@x.example>'])
  expect(await ids(at(9), at(60))).toEqual(['<m3@x.example>'])
})

test('SMTP may accept one recipient, refuse another and put off a third; only the third is tried again', async () => {
  await using store = await memoryStore()
  await queued(store, {}, [
    'yes@hisp.example',
    'no@hisp.example',
    'later@hisp.example',
    'unheard@hisp.example',
  ])
  await store.outbox.claim(at(0), at(60))
  await store.outbox.tried(
    1,
    [
      { address: 'YES@hisp.example', outcome: 'accepted', reply: '250 ok' },
      { address: 'no@hisp.example', outcome: 'final', reply: '550 no such user' },
      { address: 'later@hisp.example', outcome: 'temporary', reply: '452 too many' },
    ],
    at(1),
    at(100),
  )
  expect(await states(store)).toEqual({
    'yes@hisp.example': 'sent',
    'no@hisp.example': 'failed',
    'later@hisp.example': 'queued',
    'unheard@hisp.example': 'queued',
  })
  const [status] = await store.tracking.status()
  expect(status?.recipients.map(({ why }) => why[0])).toEqual([
    { code: 'SMTP_ACCEPTED', text: '250 ok' },
    { code: 'SMTP_REFUSED', text: '550 no such user' },
    { code: 'SMTP_TEMPORARY', text: '452 too many' },
    { code: 'SMTP_TEMPORARY', text: expect.any(String) },
  ])
  expect(await store.outbox.nextDue()).toEqual(at(100))
  expect(await store.outbox.claim(at(99), at(200))).toEqual([])
  expect(await store.outbox.claim(at(100), at(200))).toMatchObject([
    { pending: ['later@hisp.example', 'unheard@hisp.example'], attempts: 1 },
  ])
})

test('in doubt is still queued, and says so, in the audit too: SMTP may have the message', async () => {
  await using store = await memoryStore()
  await queued(store)
  const lost = { address: 'lee@hisp.example', outcome: 'unknown', reply: 'the connection was lost' } as const
  await store.outbox.tried(1, [lost], at(1), at(121))
  const [status] = await store.tracking.status()
  expect(status?.recipients).toMatchObject([
    {
      state: 'queued',
      why: [
        {
          code: 'SMTP_IN_DOUBT',
          text: expect.stringMatching(/may have taken it.*: the connection was lost$/),
        },
      ],
    },
  ])
  expect((await all(store.audit.list())).at(-1)).toMatchObject({
    event: 'in-doubt',
    outcome: 'queued',
    why: [{ code: 'SMTP_IN_DOUBT' }],
  })
  expect(await store.outbox.nextDue()).toEqual(at(121))
})

const doubts = async (store: Store) =>
  (await all(store.audit.list())).flatMap(({ event, address }) => (event === 'in-doubt' ? [address] : []))
const reasons = async (store: Store) =>
  (await store.tracking.status())[0]?.recipients.map(({ why }) => why.map(({ code }) => code))

test('killed behind the dot: who may have it is in doubt at once, and is audited once, by whoever takes the copy over', async () => {
  const [LEE, ANN] = ['lee@hisp.example', 'ann@hisp.example'] as const
  await using temporary = await folder()
  {
    await using killed = await temporary.open()
    await queued(killed, {}, [LEE, ANN])
    const [copy] = await killed.outbox.claim(at(0), at(30))
    // Ann's RCPT was refused before the dot.
    await killed.outbox.hold(copy?.id as number, at(120), [LEE])
  }
  await using store = await temporary.open()
  expect(await reasons(store)).toEqual([['SMTP_IN_DOUBT'], []])
  expect(await store.outbox.claim(at(119), at(150))).toEqual([])
  expect(await doubts(store)).toEqual([])
  expect(await store.outbox.claim(at(120), at(150))).toHaveLength(1)
  expect(await doubts(store)).toEqual([LEE])
  // Killed again, before the dot.
  const [again] = await store.outbox.claim(at(150), at(180))
  expect(await doubts(store)).toEqual([LEE])
  expect((await all(store.audit.list({ event: 'in-doubt' }))).at(-1)).toMatchObject({
    event: 'in-doubt',
    outcome: 'queued',
    at: at(120),
    why: [{ code: 'SMTP_IN_DOUBT', text: expect.stringMatching(/may have taken it.*lost.*ended$/) }],
  })
  // That the next try came to nothing says nothing of the first.
  await store.outbox.tried(again?.id as number, [], at(151), at(160))
  expect(await reasons(store)).toEqual([['SMTP_TEMPORARY', 'SMTP_IN_DOUBT'], ['SMTP_TEMPORARY']])
  await store.outbox.claim(at(160), at(190))
  const taken = [LEE, ANN].map((address) => ({ address, outcome: 'accepted', reply: '250' }) as const)
  await store.outbox.tried(again?.id as number, taken, at(161), at(190))
  expect(await reasons(store)).toEqual([['SMTP_ACCEPTED'], ['SMTP_ACCEPTED']])
  expect(await doubts(store)).toEqual([LEE])
})

test.each([
  ['accepted', 'SMTP_ACCEPTED'],
  ['temporary', 'SMTP_TEMPORARY'],
  ['final', 'SMTP_REFUSED'],
] as const)('an answer behind the dot (%s) ends the doubt: it is told nowhere', async (outcome, code) => {
  await using store = await memoryStore()
  await queued(store)
  const [copy] = await store.outbox.claim(at(0), at(30))
  const id = copy?.id as number
  await store.outbox.hold(id, at(120), ['lee@hisp.example'])
  expect(await reasons(store)).toEqual([['SMTP_IN_DOUBT']])
  await store.outbox.tried(id, [{ address: 'LEE@hisp.example', outcome, reply: 'said' }], at(1), at(10))
  expect(await reasons(store)).toEqual([[code]])
  await store.outbox.claim(at(10), at(40))
  expect(await doubts(store)).toEqual([])
})

test('giving up fails whoever is still pending, and nothing is due any more', async () => {
  await using store = await memoryStore()
  await queued(store, {}, ['a@hisp.example', 'b@hisp.example'])
  await store.outbox.tried(
    1,
    [{ address: 'a@hisp.example', outcome: 'accepted', reply: '250' }],
    at(1),
    at(2),
  )
  await store.outbox.tried(1, [], at(3), null)
  expect(await states(store)).toEqual({ 'a@hisp.example': 'sent', 'b@hisp.example': 'failed' })
  expect(await store.outbox.nextDue()).toBeNull()
  expect(await store.outbox.claim(at(9999), at(99999))).toEqual([])
  expect(await store.tracking.events(0)).toMatchObject([
    { type: 'failed', messageId: '<m1@clinic.example>', address: 'b@hisp.example', at: at(3) },
  ])
})

test('N-7: an MDN that overtakes our record of SMTP accepting the message is not undone by it', async () => {
  await using store = await memoryStore()
  await queued(store)
  const mdn = { originalMessageId: '<m1@clinic.example>', recipient: 'lee@hisp.example' }
  await store.tracking.notified({ ...mdn, disposition: 'processed' }, at(1), [])
  await store.outbox.tried(1, [{ address: 'lee@hisp.example', outcome: 'final', reply: '550' }], at(2), null)
  expect(await states(store)).toEqual({ 'lee@hisp.example': 'processed' })
})

test('one file may be sent twice under its own Message-ID; both sendings are shown', async () => {
  await using store = await memoryStore()
  await queued(store)
  await queued(store, { at: at(5) })
  expect((await store.tracking.status('<m1@clinic.example>')).map((m) => m.at)).toEqual([at(5), at(0)])
  expect(await store.outbox.claim(at(5), at(60), { messageId: '<m1@clinic.example>' })).toHaveLength(2)
})

test('a message whose body is not in the store is not half added', async () => {
  await using store = await memoryStore()
  await expect(store.outbox.add(message(4711))).rejects.toMatchObject({ code: 'STORE_FAILED' })
  expect(await store.tracking.status()).toEqual([])
  expect(await all(store.audit.list())).toEqual([])
})

test('what was put off or held by a clock that has been set back since is due at once', async () => {
  await using store = await memoryStore()
  const year = 365 * 86_400
  const ahead = { at: at(year) }
  await store.outbox.add(message(await store.bodies.write(bytes('sealed')), ahead))
  expect(await store.outbox.claim(at(year), at(year + 30))).toHaveLength(1)
  expect(await store.outbox.claim(at(0), at(30), { untriedSince: at(-30) })).toMatchObject([{ attempts: 1 }])
  await store.outbox.tried(1, [], at(0), at(3600))
  expect(await store.outbox.claim(at(30), at(60))).toEqual([])
  // By two hours, no more.
  expect(await store.outbox.claim(at(30 - 7200), at(60 - 7200))).toHaveLength(1)
  expect(await store.outbox.claim(at(31 - 7200), at(61 - 7200))).toEqual([])
})
