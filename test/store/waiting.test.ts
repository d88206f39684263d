import { expect, test } from 'vitest'
import type { Asked, Store } from '../../store/index.ts'
import { folder, memoryStore } from './places.ts'
import { all, at, bytes, message } from './scenario.ts'

const [LEE, ANN, BOB] = ['lee@hisp.example', 'ann@hisp.example', 'bob@other.example'] as const
const WHY = [{ code: 'LOOKUP_FAILED', text: 'dns-domain (hisp.example) could not be asked' }]
const CERTIFICATE = 'cd'.repeat(32)

const waits = (address: string) =>
  ({ address, route: 'undetermined', state: 'queued', why: WHY, certificate: null }) as const

/** A message of which nobody can be reached yet: asked again at 60, until 3600. */
async function kept(store: Store, to: readonly string[] = [LEE, ANN], messageId = '<m1@clinic.example>') {
  const recordBody = await store.bodies.write(bytes('sealed'))
  await store.outbox.add({
    ...message(recordBody, { messageId, recordBody, copies: [], idempotencyKey: messageId }),
    recipients: to.map(waits),
    wait: { until: at(3600), nextAt: at(60) },
  })
}

const NOTHING: Asked = { reached: [], copies: [], refused: [], unknown: [], again: null }
const unknown = (...addresses: readonly string[]) => addresses.map((address) => ({ address, why: WHY }))

async function reached(store: Store, ...to: readonly string[]): Promise<Pick<Asked, 'reached' | 'copies'>> {
  const body = await store.bodies.write(bytes('sealed for them'))
  return {
    reached: to.map((address) => ({ address, route: 'direct', certificate: CERTIFICATE })),
    copies: [
      { route: 'direct', domain: 'hisp.example', mailFrom: 'kim@clinic.example', recipients: to, body },
    ],
  }
}

async function states(store: Store): Promise<Record<string, string>> {
  const messages = await store.tracking.status()
  return Object.fromEntries(
    messages.flatMap(({ recipients }) =>
      recipients.map(({ address, route, state }) => [address, `${route} ${state}`]),
    ),
  )
}

test('who waits is queued and has no copy; the message is due at its time, with all that asking needs', async () => {
  await using store = await memoryStore()
  await kept(store)
  expect(await states(store)).toEqual({ [LEE]: 'undetermined queued', [ANN]: 'undetermined queued' })
  expect(await store.outbox.claim(at(9), at(99))).toEqual([])
  expect(await store.waiting.claim(at(59), at(90))).toBeNull()
  expect(await store.waiting.claim(at(60), at(90))).toEqual({
    id: 1,
    messageId: '<m1@clinic.example>',
    from: 'kim@clinic.example',
    since: at(0),
    until: at(3600),
    asked: 1,
    recordBody: 1,
    waiting: [LEE, ANN],
    recipients: [
      { address: LEE, route: 'undetermined' },
      { address: ANN, route: 'undetermined' },
    ],
  })
})

test('a held message is not given to anybody else until its hold ends, or is renewed, or it is given back', async () => {
  await using store = await memoryStore()
  await kept(store)
  expect(await store.waiting.claim(at(60), at(90))).not.toBeNull()
  await store.waiting.hold(1, at(120))
  expect(await store.waiting.claim(at(119), at(150))).toBeNull()
  expect(await store.waiting.claim(at(120), at(150))).not.toBeNull()
  await store.waiting.release(1)
  expect(await store.waiting.claim(at(121), at(150))).toMatchObject({ asked: 1 })
})

test('the one that is due for longest comes first, each to one caller alone', async () => {
  await using temporary = await folder()
  await using one = await temporary.open()
  await using two = await temporary.open()
  for (const n of [1, 2, 3]) await kept(one, [LEE], `<m${n}@clinic.example>`)
  const claims = await Promise.all([one, two, one, two].map((store) => store.waiting.claim(at(60), at(90))))
  expect(claims.map((claim) => claim?.messageId ?? null).toSorted()).toEqual([
    '<m1@clinic.example>',
    '<m2@clinic.example>',
    '<m3@clinic.example>',
    null,
  ])
})

test('who was reached has a copy and waits no more; who is not known is asked again', async () => {
  await using store = await memoryStore()
  await kept(store, [LEE, ANN, BOB])
  await store.waiting.claim(at(60), at(90))
  const refused = [{ address: BOB, why: [{ code: 'NO_CERTIFICATE', text: 'nothing is published' }] }]
  const outcome = { ...(await reached(store, LEE)), refused, unknown: unknown(ANN), again: at(200) }
  expect(await store.waiting.asked(1, outcome, at(61))).toBe(true)
  expect(await states(store)).toEqual({
    [LEE]: 'direct queued',
    [ANN]: 'undetermined queued',
    [BOB]: 'insecure failed',
  })
  expect(await store.waiting.claim(at(199), at(300))).toBeNull()
  expect(await store.waiting.claim(at(200), at(300))).toMatchObject({ asked: 2, waiting: [ANN] })
  // Due since the message was made: whoever comes first takes the copy.
  expect(await store.outbox.claim(at(61), at(90), { untriedSince: at(31) })).toMatchObject([
    { pending: [LEE] },
  ])
  expect(await store.tracking.events(0)).toMatchObject([{ type: 'failed', address: BOB, at: at(61) }])
  const rows = await all(store.audit.list())
  expect(rows.map(({ event, address, route, certificate }) => [event, address, route, certificate])).toEqual([
    ['queued', LEE, 'undetermined', null],
    ['queued', ANN, 'undetermined', null],
    ['queued', BOB, 'undetermined', null],
    ['queued', LEE, 'direct', CERTIFICATE],
    ['failed', BOB, 'insecure', null],
  ])
  for (const row of rows) expect(row).toMatchObject({ actor: 'kim', patient: 'p-17', documents: ['doc-9'] })
})

test('giving up fails everyone who waits, with an event each, and nothing is due any more', async () => {
  await using store = await memoryStore()
  await kept(store)
  await store.waiting.claim(at(3600), at(3630))
  expect(await store.waiting.asked(1, { ...NOTHING, unknown: unknown(LEE, ANN) }, at(3601))).toBe(true)
  expect(await states(store)).toEqual({ [LEE]: 'undetermined failed', [ANN]: 'undetermined failed' })
  expect(await store.tracking.events(0)).toMatchObject([
    { type: 'failed', address: LEE, why: WHY },
    { type: 'failed', address: ANN, why: WHY },
  ])
  expect(await store.waiting.claim(at(99_999), at(100_000))).toBeNull()
})

test('what another process decided meanwhile stands: the later answer does nothing at all', async () => {
  await using store = await memoryStore()
  await kept(store)
  await store.waiting.claim(at(60), at(90))
  await store.waiting.claim(at(90), at(120))
  expect(
    await store.waiting.asked(
      1,
      { ...(await reached(store, LEE)), refused: [], unknown: unknown(ANN), again: at(500) },
      at(91),
    ),
  ).toBe(true)
  const late = { ...(await reached(store, LEE, ANN)), refused: [], unknown: [], again: null }
  expect(await store.waiting.asked(1, late, at(92))).toBe(false)
  expect(await states(store)).toEqual({ [LEE]: 'direct queued', [ANN]: 'undetermined queued' })
  expect(await store.outbox.claim(at(100), at(130))).toHaveLength(1)
  expect(await store.waiting.asked(1, { ...NOTHING, unknown: unknown(ANN) }, at(600))).toBe(true)
  expect(await store.waiting.asked(1, { ...NOTHING, unknown: unknown(ANN) }, at(601))).toBe(false)
})

test('a copy whose body is not in the store ends no wait', async () => {
  await using store = await memoryStore()
  await kept(store)
  await store.waiting.claim(at(60), at(90))
  const { copies, ...rest } = await reached(store, LEE, ANN)
  const broken = {
    ...rest,
    copies: copies.map((copy) => ({ ...copy, body: 4711 })),
    refused: [],
    unknown: [],
  }
  await expect(store.waiting.asked(1, { ...broken, again: null }, at(61))).rejects.toMatchObject({
    code: 'STORE_FAILED',
  })
  expect(await states(store)).toEqual({ [LEE]: 'undetermined queued', [ANN]: 'undetermined queued' })
  expect(await store.waiting.claim(at(90), at(120))).toMatchObject({ waiting: [LEE, ANN] })
})

test('an idempotency key stands for what waits too, and begins no second wait', async () => {
  await using store = await memoryStore()
  await kept(store)
  await expect(kept(store)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  expect(await store.waiting.claim(at(60), at(90))).not.toBeNull()
  expect(await store.waiting.claim(at(60), at(90))).toBeNull()
})

test('what was put off or held by a clock that has been set back since is due at once', async () => {
  await using store = await memoryStore()
  await kept(store)
  const [yearBefore, soonAfter] = [at(-365 * 86_400), at(-365 * 86_400 + 30)]
  expect(await store.waiting.claim(at(60), at(90))).not.toBeNull()
  expect(await store.waiting.claim(yearBefore, soonAfter)).toMatchObject({ waiting: [LEE, ANN] })
  const outcome = { ...(await reached(store, LEE)), refused: [], unknown: unknown(ANN), again: soonAfter }
  await store.waiting.asked(1, outcome, yearBefore)
  expect(await store.outbox.claim(yearBefore, soonAfter)).toHaveLength(1)
})
