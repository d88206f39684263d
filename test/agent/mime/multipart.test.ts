import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MultipartCutter, type Piece } from '../../../agent/mime/multipart.ts'
import { anyCuts, cutAt, inChunks } from './streams.ts'

async function piecesOf(body: AsyncIterable<Uint8Array>, boundary = 'b'): Promise<readonly Piece[]> {
  const cutter = new MultipartCutter(boundary)
  const pieces: Piece[] = []
  const keep = (some: readonly Piece[]) => {
    for (const piece of some) pieces.push({ ...piece, bytes: Buffer.from(piece.bytes) })
  }
  for await (const chunk of body) keep(cutter.push(chunk))
  keep(cutter.end())
  return pieces
}

/** What stands between delimiters. */
async function partsOf(body: AsyncIterable<Uint8Array>) {
  const parts: string[] = []
  let [isInside, closed] = [false, false]
  for (const piece of await piecesOf(body)) {
    const last = parts.length - 1
    if (piece.kind === 'content') {
      if (isInside) parts[last] += Buffer.from(piece.bytes).toString('latin1')
      continue
    }
    isInside = !piece.closing
    closed = piece.closing
    if (isInside) parts.push('')
  }
  return { parts, closed }
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
      const pieces = await piecesOf(cutAt(body, cuts))
      expect(Buffer.concat(pieces.map(({ bytes }) => bytes))).toEqual(body)
    }),
  )
})

test('a boundary of more than 200 bytes is LIMIT_EXCEEDED (RFC 2046 5.1.1 allows 70): to search for a long one takes a second for a megabyte', () => {
  expect(new MultipartCutter('b'.repeat(200)).push(Buffer.from(`--${'b'.repeat(200)}\r\n`))).toHaveLength(1)
  for (const boundary of ['b'.repeat(201), 'é'.repeat(101)])
    expect(() => new MultipartCutter(boundary)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
})
