import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createSpool } from '../../agent/files/spool.ts'
import { type Source, sliceOf } from '../../agent/smime/source.ts'
import { temporaryFolder } from '../flow/clinics.ts'
import { mountSmallDisk } from '../services/small-disk.ts'

const MEGABYTE = 1 << 20

async function* pieces(megabytes: number) {
  for (let n = 0; n < megabytes; n++) yield Buffer.alloc(Math.min(megabytes - n, 1) * MEGABYTE)
}

/** There is no place for files: what is not kept in memory is refused. */
const inMemoryOnly = () => createSpool('/dev/null/nowhere')

test('what is small stays in memory, what is large goes to a file', async () => {
  const spool = inMemoryOnly()
  await using small = await spool(pieces(4))
  expect(small.bytes).toBe(4 * MEGABYTE)
  await expect(spool(pieces(5))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
})

test('a full disk is told with the folder, which whoever is to make room would not guess', async () => {
  await using disk = await mountSmallDisk(join(await temporaryFolder(), 'disk'), 2)
  await expect(createSpool(disk.dir)(pieces(8))).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    message: expect.stringContaining(disk.dir),
    temporary: true,
  })
})

test('of many at once only the first are in memory, until others have gone', async () => {
  const spool = inMemoryOnly()
  const first = await Promise.all([3, 3, 3, 3, 3].map((megabytes) => spool(pieces(megabytes))))
  const one = () => spool(pieces(2))
  await expect(one()).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  // What was refused takes no room.
  await expect(one()).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  await first[0]?.[Symbol.asyncDispose]()
  await first[0]?.[Symbol.asyncDispose]()
  await using next = await one()
  await using small = await spool(pieces(1))
  expect([next.bytes, small.bytes]).toEqual([2 * MEGABYTE, MEGABYTE])
  await expect(one()).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  for (const each of first) await each[Symbol.asyncDispose]()
})

test('a source that ends in an error leaves no room taken', async () => {
  const spool = inMemoryOnly()
  async function* breaks() {
    yield* pieces(4)
    throw new Error('gone')
  }
  for (let n = 0; n < 5; n++) await expect(spool(breaks())).rejects.toThrow('gone')
  await using all = await spool(pieces(4))
  expect(all.bytes).toBe(4 * MEGABYTE)
})

test.each([1 / 8, 4])(
  'what was kept of %d MB cannot be read, nor cut out, after it was disposed of',
  async (megabytes) => {
    const kept = await inMemoryOnly()(pieces(megabytes))
    const slice = sliceOf(kept, 0, 10)
    await kept[Symbol.asyncDispose]()
    const readOn = async (source: Source) => {
      for await (const _ of source.read());
    }
    for (const source of [kept, slice]) await expect(readOn(source)).rejects.toThrow('disposed')
  },
)
