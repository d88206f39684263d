import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { damageBody } from './damage.ts'
import { folder, isSqlite, memoryStore, ofSqlite } from './places.ts'
import { accepted, at, backToVersion, bytes, child, message } from './scenario.ts'

const MiB = 1024 * 1024
const DAY = 24 * 3600

async function digest(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

/** Bytes that no two chunks have in common. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, n) => (n * 31 + (n >> 8) * 7 + (n >> 16)) & 0xff)
}

test.each([0, 1, MiB / 4 - 1, MiB / 4, MiB / 4 + 1, MiB, 3 * MiB + 17])(
  'MSG-14: a body of %i bytes comes back byte for byte',
  async (length) => {
    await using store = await memoryStore()
    const whole = pattern(length)
    const id = await store.bodies.write(bytes(whole))
    expect(await store.bodies.size(id)).toBe(length)
    expect(await digest(store.bodies.read(id))).toBe(await digest(bytes(whole)))
  },
)

test('MSG-14: the pieces in which a body arrives make no difference', async () => {
  await using store = await memoryStore()
  const whole = pattern(2 * MiB)
  const pieces = [0, 1, 70_000, 70_000, 600_000, 2 * MiB]
  const id = await store.bodies.write(
    bytes(...pieces.slice(1).map((end, n) => whole.subarray(pieces[n], end)), new Uint8Array(0)),
  )
  expect(await digest(store.bodies.read(id))).toBe(await digest(bytes(whole)))
})

test('a source that fails leaves nothing, and its own error comes out', async () => {
  await using store = await memoryStore()
  const failing = (async function* () {
    yield pattern(2 * MiB)
    throw new Error('the sealing failed')
  })()
  await expect(store.bodies.write(failing)).rejects.toThrow('the sealing failed')
  for (const id of [1, 2]) await expect(store.bodies.size(id)).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

test('while one body is being written, others get their turn, and it cannot be read', async () => {
  await using store = await memoryStore()
  const slow = (async function* () {
    yield pattern(MiB)
    yield pattern(1)
    await expect(store.bodies.size(1)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    const other = await store.bodies.write(bytes('other'))
    await store.outbox.add(message(other))
    yield pattern(MiB)
  })()
  expect(await store.bodies.size(await store.bodies.write(slow))).toBe(2 * MiB + 1)
})

test('a body that a message, a record or an inbox entry names cannot be removed; others can', async () => {
  await using store = await memoryStore()
  const [copy, record, received, free] = [
    await store.bodies.write(bytes('copy')),
    await store.bodies.write(bytes('record')),
    await store.bodies.write(bytes('received')),
    await store.bodies.write(bytes('free')),
  ]
  await store.outbox.add(message(copy, { recordBody: record }))
  await store.inbox.begin('m', '1', 1, received)
  for (const id of [copy, record, received])
    await expect(store.bodies.remove(id)).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await store.bodies.remove(free)
  await expect(store.bodies.size(free)).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

test('what nobody names is swept a day later; what is named, and what is new, stays', async () => {
  await using temporary = await folder()
  const yesterday = await temporary.open({ now: () => at(0) })
  const orphan = await yesterday.bodies.write(bytes('orphan'))
  const copy = await yesterday.bodies.write(bytes('copy'))
  const record = await yesterday.bodies.write(bytes('record'))
  const received = await yesterday.bodies.write(bytes('received'))
  await yesterday.outbox.add(message(copy, { recordBody: record }))
  const entry = await yesterday.inbox.begin('m', '1', 1, received)
  await yesterday.inbox.judged(entry.id, accepted([]), [], at(0))
  await yesterday[Symbol.asyncDispose]()

  await using sameDay = await temporary.open({ now: () => at(DAY) })
  expect(await sameDay.bodies.size(orphan)).toBe(6)
  const fresh = await sameDay.bodies.write(bytes('fresh'))
  await using nextDay = await temporary.open({ now: () => at(DAY + 1) })
  await expect(nextDay.bodies.size(orphan)).rejects.toMatchObject({ code: 'STORE_FAILED' })
  for (const id of [copy, record, received, fresh]) expect(await nextDay.bodies.size(id)).toBeGreaterThan(0)
})

test('a body that another process is still writing is not swept, however long ago it was begun', async () => {
  await using temporary = await folder()
  let clock = at(0)
  await using writer = await temporary.open({ now: () => clock })
  const slow = (async function* () {
    yield pattern(MiB)
    clock = at(DAY)
    yield pattern(MiB)
    await (await temporary.open({ now: () => at(DAY + 60) }))[Symbol.asyncDispose]()
    yield pattern(MiB)
  })()
  expect(await writer.bodies.size(await writer.bodies.write(slow))).toBe(3 * MiB)
})

test('MSG-14: a body of 250 MB is written and read without standing in memory', async () => {
  await using temporary = await folder()
  const { code, stdout, stderr } = await child('memory', temporary.told).ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [read, grownKiB] = stdout.trim().split(' ').map(Number)
  expect(read).toBe(250 * MiB)
  // What is left is garbage that V8 lets lie up to a bound of its own, 64 MiB or so of it, more on a busy machine.
  expect(grownKiB).toBeLessThan(220 * 1024)
})

if (isSqlite)
  test.each([1, MiB / 4, 3 * MiB + 17])(
    'one bit of a body of %i bytes that changed on the disk is noticed before its last piece is given',
    async (length) => {
      await using temporary = await folder()
      await using store = await temporary.open()
      const id = await store.bodies.write(bytes(pattern(length)))
      await store.bodies.verify(id)
      damageBody(temporary.file, id)
      let given = 0
      const read = async () => {
        for await (const piece of store.bodies.read(id)) given += piece.length
      }
      await expect(read()).rejects.toMatchObject({ code: 'STORE_DAMAGED', temporary: false })
      expect(given).toBeLessThan(length)
      await expect(store.bodies.verify(id)).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
    },
  )

test.each([
  ['a piece that is gone', 'delete from body_chunks where seq = 1'],
  [
    'a piece too many bytes',
    isSqlite
      ? "update body_chunks set data = cast(data || 'x' as blob) where seq = 2"
      : "update body_chunks set data = data || 'x'::bytea where seq = 2",
  ],
  ['a length that is shorter by a piece', 'update bodies set bytes = 262144'],
  ['no length', 'update bodies set bytes = 0'],
  ['another digest', "update bodies set sha256 = 'ab' || substr(sha256, 3)"],
])('%s is damage', async (_, sql) => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const id = await store.bodies.write(bytes(pattern(MiB / 2 + 5)))
  await temporary.sql(sql)
  await expect(store.bodies.verify(id)).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
})

ofSqlite('a body from before version 12, without a digest, is read as it is', async () => {
  await using temporary = await folder()
  const whole = pattern(MiB)
  {
    await using store = await temporary.open()
    await store.outbox.add(message(await store.bodies.write(bytes(whole))))
  }
  backToVersion(temporary.file, 11)
  await using store = await temporary.open()
  expect(await digest(store.bodies.read(1))).toBe(await digest(bytes(whole)))
})
