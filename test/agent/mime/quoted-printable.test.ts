import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeQuotedPrintable } from '../../../agent/mime/quoted-printable.ts'
import { decodeTransfer } from '../../../agent/mime/transfer.ts'
import { anyCuts, collect, cutAt, inChunks, text } from './streams.ts'

const decode = (chunks: AsyncIterable<Uint8Array>) => collect(decodeTransfer(chunks, 'quoted-printable'))

/** Bytes in which what matters to the encoding is frequent. */
const content = fc
  .array(fc.constantFrom('\r\n', '\r', '\n', ' ', '\t', '=', 'a', '\xfc', '\0', 'word'), { maxLength: 200 })
  .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))

test('any bytes come back exactly, from lines of at most 76 printable characters, however they are cut', async () => {
  await fc.assert(
    fc.asyncProperty(content, anyCuts, anyCuts, async (bytes, cuts, otherCuts) => {
      const encoded = await collect(encodeQuotedPrintable(cutAt(bytes, cuts)))
      const lines = encoded.toString('latin1').split('\r\n')
      expect(lines.every((line) => /^[\t -~]{0,76}$/.test(line) && !/[ \t]$/.test(line))).toBe(true)
      expect(await decode(cutAt(encoded, otherCuts))).toEqual(bytes)
    }),
  )
})

describe.each([1, 2, 3, 1000])('in chunks of %i', (size) => {
  test.each([
    ['soft line breaks go, with blanks behind them', 'a=\r\nb=  \r\nc=\nd', 'abcd'],
    ['blanks at the ends of lines go', 'a \t\r\nb \n c  ', 'a\r\nb\n c'],
    ['lower-case digits are read', '=c3=bc', '\xc3\xbc'],
    ['an = without digits stays', 'a=zz =4', 'a=zz =4'],
    ['an = at the very end is a soft line break', 'a=', 'a'],
  ])('%s', async (_, encoded, expected) => {
    expect((await decode(inChunks(encoded, size))).toString('latin1')).toBe(expected)
  })
})

test('a run of blanks without an end does not fill the memory', async () => {
  const blanks = ' '.repeat(100_000)
  expect(await text(decodeTransfer(inChunks(`${blanks}x`, 4096), 'quoted-printable'))).toBe(`${blanks}x`)
})
