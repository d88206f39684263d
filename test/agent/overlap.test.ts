import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { fileSource } from '../../agent/files/file-source.ts'
import { BLOCK, readAhead, writeBehind } from '../../agent/files/overlap.ts'

/** Long enough for whatever could go on to have gone on. */
async function afterAll() {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
}

/** Chunks of one block each, lent: what stood in one is gone once the next is asked for. */
async function* lentBlocks(count: number, asked: number[] = []) {
  const buffer = Buffer.alloc(BLOCK)
  for (let block = 0; block < count; block++) {
    asked.push(block)
    yield buffer.fill(block)
  }
  buffer.fill(0xff)
}

test('while a block is written the next one is made, and no more: memory does not grow with the message', async () => {
  const asked: number[] = []
  const written: number[] = []
  const disk: (() => void)[] = []
  const done = writeBehind(
    async (block) => {
      await new Promise<void>((resolve) => disk.push(resolve))
      written.push(block[0] as number)
    },
    lentBlocks(5, asked),
  )
  await afterAll()
  expect({ asked, written }).toEqual({ asked: [0, 1], written: [] })
  disk.shift()?.()
  await afterAll()
  expect({ asked, written }).toEqual({ asked: [0, 1, 2], written: [0] })
  for (let block = 1; block < 5; block++) {
    disk.shift()?.()
    await afterAll()
  }
  await done
  expect(written).toEqual([0, 1, 2, 3, 4])
})

test('what is written are the bytes that were lent, in blocks, however they came', async () => {
  const whole = Buffer.from(Array.from({ length: 3 * BLOCK + 7 }, (_, at) => at % 251))
  for (const piece of [1000, BLOCK - 1, BLOCK, whole.length]) {
    const blocks: Buffer[] = []
    const pieces = function* () {
      const lent = Buffer.alloc(piece)
      for (let at = 0; at < whole.length; at += piece) {
        const bytes = lent.subarray(0, whole.copy(lent, 0, at, at + piece))
        yield bytes
        lent.fill(0xff)
      }
    }
    await writeBehind(async (block) => {
      await setImmediate()
      blocks.push(Buffer.from(block))
    }, pieces())
    expect(Buffer.concat(blocks).equals(whole)).toBe(true)
    expect(Math.max(...blocks.map(({ length }) => length))).toBeLessThan(2 * BLOCK)
  }
})

test('a write that failed is told as it failed, though the next chunk is long in coming', async () => {
  const chunks = async function* () {
    yield Buffer.alloc(BLOCK)
    await afterAll()
    yield Buffer.alloc(BLOCK)
  }
  const full = new Error('no room')
  await expect(writeBehind(() => Promise.reject(full), chunks())).rejects.toBe(full)
})

test('where the chunks fail, the block under way is written before that is told: its file may be closed then', async () => {
  let writing = 0
  const chunks = async function* () {
    yield Buffer.alloc(BLOCK)
    throw new TypeError('a fault of ours')
  }
  const write = async () => {
    writing++
    await afterAll()
    writing--
  }
  await expect(writeBehind(write, chunks())).rejects.toBeInstanceOf(TypeError)
  expect(writing).toBe(0)
})

test('while a chunk is worked on the next one is fetched, and only that', async () => {
  const asked: number[] = []
  const ahead = readAhead(lentBlocks(4, asked))
  await ahead.next()
  await afterAll()
  expect(asked).toEqual([0, 1])
  await ahead.return(undefined)
  expect(asked).toEqual([0, 1])
})

test('a fetch that fails is told when its chunk is asked for', async () => {
  const chunks = async function* () {
    yield 'first'
    throw new Error('a bad sector')
  }
  const ahead = readAhead(chunks())
  expect(await ahead.next()).toEqual({ done: false, value: 'first' })
  await afterAll()
  await expect(ahead.next()).rejects.toThrow('a bad sector')
})

test('a lent chunk of a file is good until the next one is asked for, the one after being read already', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'direct-overlap-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }))
  const path = join(dir, 'file')
  const whole = Buffer.from(Array.from({ length: 3 * BLOCK + 7 }, (_, at) => at % 251))
  await writeFile(path, whole)
  await using source = await fileSource(path)
  for (let pass = 0; pass < 2; pass++) {
    const copies: Buffer[] = []
    for await (const chunk of source.lend?.() ?? []) {
      await afterAll()
      copies.push(Buffer.from(chunk))
      chunk.fill(0xff)
    }
    expect(Buffer.concat(copies).equals(whole)).toBe(true)
  }
})
