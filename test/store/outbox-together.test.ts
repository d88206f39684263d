import { expect, test } from 'vitest'
import type { NewMessage } from '../../store/index.ts'
import { folder } from './places.ts'
import { at, bytes, message } from './scenario.ts'

const numbers = Array.from({ length: 8 }, (_, n) => n)
const id = (n: number) => `<m${n}@clinic.example>`

/** As `send` adds it: with its record and its copy as bytes, which it claims. */
function sealed(n: number, over: Partial<NewMessage> = {}): NewMessage {
  const { copies, ...rest } = message(0)
  const record = Buffer.from(`record ${n}`)
  return {
    ...rest,
    messageId: id(n),
    recordBody: record,
    copies: copies.map((copy) => ({ ...copy, body: Buffer.from(`copy ${n}`) })),
    heldUntil: at(30),
    ...over,
  }
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(chunks)).toString()
}

test('messages that are added side by side, with their bodies, each get their own', async () => {
  await using place = await folder()
  await using store = await place.open()
  const added = await Promise.all(numbers.map((n) => store.outbox.add(sealed(n))))
  for (const [n, copies] of added.entries()) {
    expect(copies).toMatchObject([{ messageId: id(n), pending: ['lee@hisp.example'] }])
    expect(await textOf(store.bodies.read(copies[0]?.body ?? 0))).toBe(`copy ${n}`)
  }
  await Promise.all(
    added.flat().map(({ id, pending, messageId }) => {
      const outcome = messageId < '<m4' ? ('accepted' as const) : ('final' as const)
      return store.outbox.tried(id, [{ address: String(pending), outcome, reply: messageId }], at(1), at(9))
    }),
  )
  for (const n of numbers)
    expect(await store.tracking.status(id(n))).toMatchObject([
      { recipients: [{ state: n < 4 ? 'sent' : 'failed', why: [{ text: id(n) }] }] },
    ])
  expect(await store.upkeep.verifyAudit()).toMatchObject({ broken: null })
})

test('an idempotency key that stands for another message takes none of those along that are added beside it, and leaves no body', async () => {
  await using place = await folder()
  await using store = await place.open()
  await store.outbox.add(sealed(99, { idempotencyKey: 'visit-1' }))
  const results = await Promise.allSettled(
    numbers.map((n) => store.outbox.add(sealed(n, n % 4 === 1 ? { idempotencyKey: 'visit-1' } : {}))),
  )
  expect(results.map(({ status }) => status === 'fulfilled')).toEqual(numbers.map((n) => n % 4 !== 1))
  for (const n of numbers) expect(await store.tracking.status(id(n))).toHaveLength(n % 4 === 1 ? 0 : 1)
  expect(await place.sql('select cast(count(*) as integer) as n from bodies')).toEqual([{ n: 14 }])
  expect(await place.sql('select cast(count(*) as integer) as n from bodies where kept = 0')).toEqual([
    { n: 0 },
  ])
})

test('what the tls route carries is the record itself: the same bytes are one body', async () => {
  await using place = await folder()
  await using store = await place.open()
  const record = Buffer.from('record')
  const [copy] = message(0).copies
  const copies = ['a.example', 'b.example'].map((domain) => ({
    ...(copy as NonNullable<typeof copy>),
    route: 'tls' as const,
    domain,
    body: record,
  }))
  const [a, b] = await store.outbox.add(sealed(1, { recordBody: record, copies }))
  expect(a?.body).toBe(b?.body)
  expect(await place.sql('select cast(count(*) as integer) as n from bodies')).toEqual([{ n: 1 }])
})

test('a body that was written before is named, and not swept', async () => {
  await using place = await folder()
  await using store = await place.open({ now: () => at(0) })
  const body = await store.bodies.write(bytes('sealed'))
  await store.outbox.add(message(body))
  await using later = await place.open({ now: () => at(30 * 3600) })
  expect(await textOf(later.bodies.read(body))).toBe('sealed')
})
