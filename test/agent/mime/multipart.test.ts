import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutMultipart, MultipartCutter, splitMultipart } from '../../../agent/mime/multipart.ts'
import { anyCuts, collect, cutAt, inChunks, text } from './streams.ts'

async function partsOf(body: AsyncIterable<Uint8Array>, boundary = 'b') {
  const multipart = splitMultipart(body, boundary)
  const parts: string[] = []
  for await (const part of multipart) parts.push(await text(part.read()))
  return { parts, closed: multipart.closed }
}

describe.each([1, 2, 3, 7, 1000])('in chunks of %i', (size) => {
  const split = (body: string) => partsOf(inChunks(body, size))

  test.each(['\r\n', '\n'])('the line end before a delimiter is the delimiter’s (%j)', async (end) => {
    const body = ['preamble', '--b', 'one', '', '--b', '--b--', 'epilogue', '--b', 'no part'].join(end)
    expect(await split(body)).toEqual({ parts: [`one${end}`, ''], closed: true })
  })

  test('blanks after a delimiter are borne; a longer line is none', async () => {
    const body = '--b \t\r\none\r\n--bb\r\n --b\r\n--b-\r\n--b--x\r\n--b--  \r\n'
    expect(await split(body)).toEqual({ parts: ['one\r\n--bb\r\n --b\r\n--b-\r\n--b--x'], closed: true })
  })

  test('without a closing delimiter the last part runs to the end, and the caller is told', async () => {
    expect(await split('--b\r\none\r\n--b\r\ntwo\r\n')).toEqual({ parts: ['one', 'two\r\n'], closed: false })
  })

  test('a delimiter at the very end needs no line end', async () => {
    expect(await split('--b\r\none\r\n--b--')).toEqual({ parts: ['one'], closed: true })
  })

  test('no delimiter at all is no part', async () => {
    expect(await split('nothing here')).toEqual({ parts: [], closed: false })
  })
})

test('parts come back exactly, and all pieces together are the body, however it is cut', async () => {
  const line = fc.constantFrom('', '-', '--', '--b', '--bc', 'b', '\r', '\xff', ' --b--', 'text')
  const part = fc.array(line, { maxLength: 8 }).map((lines) => lines.join('\r\n'))
  const clean = part.filter((bytes) => !/(^|\n)--b[ \t]*(--[ \t]*)?(\r?\n|$)/.test(bytes))
  await fc.assert(
    fc.asyncProperty(fc.array(clean, { maxLength: 5 }), anyCuts, async (parts, cuts) => {
      const body = Buffer.from(
        `pre\r\n${parts.map((bytes) => `--b\r\n${bytes}\r\n`).join('')}--b--\r\nend`,
        'latin1',
      )
      const read = await partsOf(cutAt(body, cuts))
      expect(read).toEqual({ parts, closed: true })
      const pieces: Uint8Array[] = []
      for await (const piece of cutMultipart(cutAt(body, cuts), 'b')) pieces.push(piece.bytes)
      expect(Buffer.concat(pieces)).toEqual(body)
    }),
  )
})

test('what is left of a part is skipped when the next is asked for', async () => {
  const first: string[] = []
  for await (const part of splitMultipart(inChunks('--b\r\nlong one\r\n--b\r\ntwo\r\n--b--', 4), 'b'))
    for await (const chunk of part.read()) {
      first.push(Buffer.from(chunk).toString())
      break
    }
  expect(first.map((chunk) => chunk[0])).toEqual(['l', 't'])
})

test('a part that is read too late is an error, never another part’s bytes', async () => {
  const parts = []
  for await (const part of splitMultipart(inChunks('--b\r\none\r\n--b\r\ntwo\r\n--b--'), 'b'))
    parts.push(part)
  await expect(collect((parts[0] as (typeof parts)[number]).read())).rejects.toThrow('before the next one')
})

test('a boundary of more than 200 bytes is LIMIT_EXCEEDED (RFC 2046 5.1.1 allows 70): to search for a long one takes a second for a megabyte', () => {
  expect(new MultipartCutter('b'.repeat(200)).push(Buffer.from(`--${'b'.repeat(200)}\r\n`))).toHaveLength(1)
  for (const boundary of ['b'.repeat(201), 'é'.repeat(101)])
    expect(() => new MultipartCutter(boundary)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
})

test('IN-11: more than 1,000 parts are LIMIT_EXCEEDED', async () => {
  await expect(partsOf(inChunks('--b\r\n\r\n'.repeat(1001)))).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
  })
  expect((await partsOf(inChunks('--b\r\nx\r\n'.repeat(1000)))).parts).toHaveLength(1000)
})
