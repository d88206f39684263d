import { describe, expect, test } from 'vitest'
import { concatSources, inOneChunk, once, type Source, sliceOf } from '../../../agent/smime/source.ts'

const TEXT = 'what stands here can be read any number of times'

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += Buffer.from(chunk).toString()
  return text
}

const inChunksOf = (bytes: number): Source => ({
  bytes: TEXT.length,
  async *read() {
    for (let at = 0; at < TEXT.length; at += bytes) yield Buffer.from(TEXT.slice(at, at + bytes))
  },
})

describe.each([
  ['one chunk', inOneChunk(TEXT.length, () => Buffer.from(TEXT))],
  ['chunks of 1 byte', inChunksOf(1)],
  ['chunks of 7 bytes', inChunksOf(7)],
  ['parts', concatSources([Buffer.from(TEXT.slice(0, 9)), sliceOf(inChunksOf(4), 9)])],
])('a source in %s', (_, source) => {
  test('reads the same from the start each time', async () => {
    expect([await text(source.read()), await text(source.read())]).toEqual([TEXT, TEXT])
  })

  test.each([
    [0, TEXT.length],
    [0, 0],
    [5, 5],
    [5, 17],
    [30, TEXT.length],
    [TEXT.length, TEXT.length],
  ])('has a slice from %i to %i, and slices of that', async (start, end) => {
    const slice = sliceOf(source, start, end)
    expect([slice.bytes, await text(slice.read())]).toEqual([end - start, TEXT.slice(start, end)])
    const within = sliceOf(slice, 2)
    expect(await text(within.read())).toBe(TEXT.slice(start, end).slice(2))
  })
})

test('where there are no bytes, no chunk comes', async () => {
  const none = { done: true, value: undefined }
  const whole = inOneChunk(TEXT.length, () => Buffer.from(TEXT))
  expect(await once(Buffer.alloc(0)).next()).toEqual(none)
  expect(await sliceOf(whole, 7, 7).read()[Symbol.asyncIterator]().next()).toEqual(none)
})

test('what comes once is over when it is left', async () => {
  const bytes = once(Buffer.from(TEXT))
  for await (const chunk of bytes) {
    expect(Buffer.from(chunk).toString()).toBe(TEXT)
    break
  }
  expect(await bytes.next()).toEqual({ done: true, value: undefined })
})
