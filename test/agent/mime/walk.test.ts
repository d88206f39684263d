import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Step, walk } from '../../../agent/mime/walk.ts'
import { anyCuts, cutAt, inChunks } from './streams.ts'

const MESSAGE = Buffer.from(
  [
    'Content-Type: multipart/mixed; boundary=outer',
    '',
    'preamble',
    '--outer',
    'Content-Type: multipart/alternative; boundary="outer2"',
    '',
    '--outer2',
    '',
    'text',
    '--outer2',
    'Content-Type: text/html',
    '',
    '<b>',
    '--outer2--',
    'inner epilogue',
    '--outer',
    'Content-Type: message/rfc822',
    '',
    'Subject: within',
    '',
    'body',
    '--outer--',
    'epilogue',
  ].join('\r\n'),
)

async function steps(bytes: AsyncIterable<Uint8Array>): Promise<Step[]> {
  const all: Step[] = []
  for await (const step of walk(bytes, { into: () => true })) all.push(step)
  return all
}

const bytesOf = (step: Step) => {
  if (step.kind === 'entity') return [step.headerBlock, step.separator]
  return step.kind === 'end' ? [] : [step.bytes]
}

test('all steps together are the message, byte for byte, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(anyCuts, async (cuts) => {
      const walked = await steps(cutAt(MESSAGE, cuts))
      expect(Buffer.concat(walked.flatMap(bytesOf))).toEqual(MESSAGE)
      expect(
        walked.flatMap((step) => (step.kind === 'entity' ? [[step.parent, step.role, step.type.type]] : [])),
      ).toEqual([
        [null, 'multipart', 'multipart/mixed'],
        [0, 'multipart', 'multipart/alternative'],
        [1, 'leaf', 'text/plain'],
        [1, 'leaf', 'text/html'],
        [0, 'message', 'message/rfc822'],
        [4, 'leaf', 'text/plain'],
      ])
    }),
  )
})

describe('IN-11', () => {
  const nested = (depth: number) =>
    `${Array.from({ length: depth }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`).join('')}\r\nx`

  test('parts nested deeper than 20 are LIMIT_EXCEEDED', async () => {
    await expect(steps(inChunks(nested(21)))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect((await steps(inChunks(nested(20)))).filter(({ kind }) => kind === 'entity')).toHaveLength(21)
  })

  test('parts are counted over all multiparts of a message', async () => {
    const half = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(501)}--b--\r\n`
    const message = `Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n${half}--a\r\n${half}--a--`
    await expect(steps(inChunks(message))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })
})

test('a multipart without a usable boundary, or in a transfer encoding, is a leaf', async () => {
  for (const header of [
    'Content-Type: multipart/mixed',
    'Content-Type: multipart/mixed; boundary=""',
    'Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64',
  ]) {
    const [first] = await steps(inChunks(`${header}\r\n\r\n--b\r\n\r\nx\r\n--b--`))
    expect(first).toMatchObject({ role: 'leaf' })
  }
})

test('RFC 2046 5.1.5: what a digest holds is a message where it does not say otherwise', async () => {
  const walked = await steps(
    inChunks('Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b--'),
  )
  expect(walked.flatMap((step) => (step.kind === 'entity' ? [step.role] : []))).toEqual([
    'multipart',
    'message',
    'leaf',
  ])
})
