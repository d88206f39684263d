import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base64LinesLength, encodeBase64Lines } from '../../../agent/mime/base64.ts'
import { decodeTransfer } from '../../../agent/mime/transfer.ts'
import { anyCuts, collect, cutAt, inChunks, sourceOf, text } from './streams.ts'

const decode = (chunks: AsyncIterable<Uint8Array>) => collect(decodeTransfer(chunks, 'base64'))
const bytes = fc.uint8Array({ maxLength: 2000 })

test('RFC 2045 6.8: lines of 76 columns with CRLF, of the length that was promised, however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(bytes, anyCuts, async (content, cuts) => {
      const encoded = await text(encodeBase64Lines(cutAt(content, cuts)))
      const expected = Buffer.from(content)
        .toString('base64')
        .replace(/.{1,76}/g, '$&\r\n')
      expect(encoded).toBe(expected)
      expect(base64LinesLength(content.length)).toBe(encoded.length)
    }),
  )
})

test.each([
  [1, 1 << 16],
  [3, 1 << 18],
  [40, 1 << 16],
  [5, 100_003],
])(
  'MSG-14: %i chunks of %i bytes, which are no whole lines, become the same lines as all at once',
  async (count, size) => {
    const content = Buffer.alloc(
      count * size,
      Buffer.from('all of them, though their number divides by nothing'),
    )
    const expected = content.toString('base64').replace(/.{1,76}/g, '$&\r\n')
    const { read, lend = read } = sourceOf(content, size)
    expect(await text(encodeBase64Lines(read()))).toBe(expected)
    expect(await text(encodeBase64Lines(lend(), { lend: true }))).toBe(expected)
  },
)

test('IN-2: lines of any length, with any junk and any cuts, come back as the bytes that they were', async () => {
  await fc.assert(
    fc.asyncProperty(
      bytes,
      fc.integer({ min: 1, max: 100 }),
      fc.constantFrom('\r\n', '\n', ' \n', '\r\n\t', '\n!\n', '\r'),
      anyCuts,
      async (content, columns, end, cuts) => {
        const lines = Buffer.from(content)
          .toString('base64')
          .replace(new RegExp(`.{1,${columns}}`, 'g'), `$&${end}`)
        expect(await decode(cutAt(Buffer.from(lines), cuts))).toEqual(Buffer.from(content))
      },
    ),
  )
})

describe.each([1, 2, 3, 5, 1000])('in chunks of %i', (size) => {
  test.each([
    ['padding ends the data, and what follows is ignored', 'YWI=\r\nYWJj\r\n-- \r\nlist footer', 'ab'],
    ['padding that is missing is not missed', 'YWJjZA', 'abcd'],
    ['one character left over is no byte', 'YWJjZ', 'abc'],
    ['padding where none can be is junk', '=YWJj=ZGVm', 'abcdef'],
    ['padding behind a single character is junk', 'Y===WI=', 'ab'],
    ['padding may stand on lines of its own', 'YQ\r\n=\r\n=\r\nYWJj', 'a'],
    ['nothing is nothing', ' \r\n', ''],
  ])('%s', async (_, encoded, expected) => {
    expect((await decode(inChunks(encoded, size))).toString()).toBe(expected)
  })
})

test('a transfer encoding that is not known is MALFORMED, and its spelling does not matter', async () => {
  await expect(async () => collect(decodeTransfer(inChunks('x'), 'x-uuencode'))).rejects.toMatchObject({
    code: 'MALFORMED',
  })
  expect(await text(decodeTransfer(inChunks('YQ=='), ' BASE64 (really)'))).toBe('a')
  for (const identity of [null, '', '7bit', '8BIT', 'Binary'])
    expect(await text(decodeTransfer(inChunks('a=3D\n'), identity))).toBe('a=3D\n')
})
