import { describe, expect, test } from 'vitest'
import { openEntity, openPart } from '../../../agent/mime/entity.ts'
import { collect, inChunks, text } from './streams.ts'

describe.each([1, 2, 3, 1000])('in chunks of %i', (size) => {
  test.each(['\r\n', '\n'])('a header ends at the first blank line (%j)', async (end) => {
    const entity = await openEntity(inChunks(`A: 1${end}B: 2${end}${end}body${end}${end}more`, size))
    expect(entity.header.fields.map(({ name }) => name)).toEqual(['A', 'B'])
    expect(Buffer.from(entity.headerBlock).toString()).toBe(`A: 1${end}B: 2${end}`)
    expect(await text(entity.body)).toBe(`body${end}${end}more`)
  })

  test('IN-2: a leading blank line, leading blanks, a mbox line and a byte order mark are borne', async () => {
    for (const junk of ['\r\n', '\n\n', ' \t', 'From a Sat Nov 21\r\n', '>From a\n\r\n', '\ufeff'])
      expect((await openEntity(inChunks(`${junk}A: 1\r\n\r\nx`, size))).header.first('A')).toBe('1')
  })

  test('a mbox line with a lone CR is not passed over: others find a field behind it (IN-6)', async () => {
    const { header } = await openEntity(inChunks('From a\rFrom: b\r\nFrom: c\r\n\r\nx', size))
    expect(header.fields.map(({ name, value }) => [name, value])).toEqual([
      ['', 'From a\rFrom: b'],
      ['From', 'c'],
    ])
  })

  test('a part that begins with a blank line has no header; one without any field is all body', async () => {
    const blank = await openPart(inChunks('\r\nFrom: x\r\n\r\nbody', size))
    expect([blank.header.fields.length, await text(blank.body)]).toEqual([0, 'From: x\r\n\r\nbody'])
    const bare = await openPart(inChunks('just text\r\n\r\nmore', size))
    expect([bare.header.fields.length, await text(bare.body)]).toEqual([0, 'just text\r\n\r\nmore'])
  })

  test('a message may end with its header', async () => {
    const entity = await openEntity(inChunks('A: 1', size))
    expect([entity.header.first('A'), await text(entity.body)]).toEqual(['1', ''])
  })
})

test('what begins with no header is MALFORMED', async () => {
  for (const bytes of ['', '\r\n\r\n', 'hello world\r\n\r\nA: 1\r\n'])
    await expect(openEntity(inChunks(bytes))).rejects.toMatchObject({ code: 'MALFORMED' })
})

test('IN-11: a header beyond its limit is LIMIT_EXCEEDED, and the source is let go', async () => {
  let released = false
  const endless = async function* () {
    try {
      for (;;) yield Buffer.from('X: 1234567890\r\n')
    } finally {
      released = true
    }
  }
  await expect(openEntity(endless())).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  expect(released).toBe(true)
  await expect(openEntity(inChunks('A: 123456789\r\n\r\n'), { headerBytes: 10 })).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
  })
})

test('discarding a message lets go of its source', async () => {
  let released = false
  const source = async function* () {
    try {
      yield Buffer.from('A: 1\r\n\r\n')
      yield Buffer.from('body')
    } finally {
      released = true
    }
  }
  await (await openEntity(source())).discard()
  expect(released).toBe(true)
  expect(await collect((await openEntity(source())).body)).toEqual(Buffer.from('body'))
})
