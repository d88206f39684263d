import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineEnds, withCrlf } from '../../../agent/mime/line-ends.ts'
import { anyCuts, collect, cutAt } from './streams.ts'

const anyLines = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', 'a', 'text of a line'), { maxLength: 60 })
  .map((pieces) => Buffer.from(pieces.join('')))

test('RFC 8551 3.1.1: every LF has its CR, none gets a second one, a CR alone stays, however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(anyLines, anyCuts, async (lines, cuts) => {
      const canonical = await collect(withCrlf(cutAt(lines, cuts)))
      expect(canonical.toString()).toBe(lines.toString().replace(/(?<!\r)\n/g, '\r\n'))
    }),
  )
})

test('only a chunk that had a bare LF comes back longer: that is how a reader knows that there are two readings (IN-4)', () => {
  const lineEnds = new LineEnds()
  const longer = (chunk: string) => lineEnds.canonical(Buffer.from(chunk)).length - chunk.length
  expect([longer('a\r\nb\r'), longer('\nc'), longer(''), longer('\n\n')]).toEqual([0, 0, 0, 2])
})
