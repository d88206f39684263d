import fc from 'fast-check'
import { expect, test } from 'vitest'
import { composeDraft } from '../../agent/compose.ts'
import { createSpool } from '../../agent/files/spool.ts'
import { decodeWords } from '../../agent/mime/words.ts'
import { readParts } from '../../agent/read.ts'
import type { Draft } from '../../agent/sending-types.ts'
import { collect } from './mime/streams.ts'

async function compose(draft: Partial<Draft>): Promise<{ raw: string; parts: readonly Part[] }> {
  await using composed = await composeDraft(
    { from: 'kim@clinic.example', to: ['lee@hisp.example'], subject: 'Referral', ...draft },
    { spool: createSpool(null), now: () => new Date('2026-11-22T12:00:00Z') },
  )
  const parts: Part[] = []
  for await (const { filename, contentType, read } of readParts(composed.inner))
    parts.push({ filename, contentType, content: await collect(read()) })
  return { raw: (await collect(composed.inner.read())).toString('latin1'), parts }
}

interface Part {
  readonly filename: string | null
  readonly contentType: string
  readonly content: Buffer
}

const canonical = (text: string) => text.replace(/\r\n|\r|\n/g, '\r\n')

/** MSG-1. */
function expectCanonical(raw: string): void {
  expect(raw).toMatch(/^[\t\r\n\x20-\x7e]*$/)
  expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  expect(Math.max(...raw.split('\r\n').map(({ length }) => length))).toBeLessThanOrEqual(998)
  expect(raw.endsWith('\r\n')).toBe(true)
}

const anyName = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((name) => !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(name) && name.trim() === name)

test('MSG-1, MSG-14: any text, any HTML and any bytes under any name arrive as they were given, in short lines of ASCII', async () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }),
    fc.string({ unit: fc.constantFrom('a', ' ', '\t', '=', 'ü', '病', '\r', '\n', '\0', '.'), minLength: 1 }),
  )
  const anyAttachment = fc.record({
    filename: anyName,
    content: fc.uint8Array({ maxLength: 300 }),
  })
  await fc.assert(
    fc.asyncProperty(
      anyText,
      anyText,
      fc.array(anyAttachment, { minLength: 1, maxLength: 3 }),
      async (text, html, attachments) => {
        const { raw, parts } = await compose({ text, html, attachments })
        expectCanonical(raw)
        const [plain, marked, ...rest] = parts
        expect(plain?.content.toString()).toBe(canonical(text))
        expect(marked?.content.toString()).toBe(canonical(html))
        expect(rest.map(({ filename, content }) => [filename, content])).toEqual(
          attachments.map(({ filename, content }) => [filename, Buffer.from(content)]),
        )
      },
    ),
    { numRuns: 150 },
  )
})

test('MSG-1: a text alone is the message, and its last line ends', async () => {
  for (const [text, read] of [
    ['Hello', 'Hello\r\n'],
    ['Hello\n', 'Hello\r\n'],
    ['', '\r\n'],
  ] as const) {
    const { raw, parts } = await compose({ text })
    expectCanonical(raw)
    expect(raw).not.toContain('multipart')
    expect(parts.map(({ content }) => content.toString())).toEqual([read])
  }
})

test('short ASCII stays as it is, what is mostly ASCII stays readable, the rest is base64', async () => {
  const encodingOf = async (text: string) =>
    /^Content-Transfer-Encoding: (.*)\r$/m.exec((await compose({ text })).raw)?.[1]
  expect(await encodingOf('See below.\n\tThank you')).toBe('7bit')
  expect(await encodingOf('x'.repeat(77))).toBe('quoted-printable')
  expect(await encodingOf('Grüße')).toBe('quoted-printable')
  expect(await encodingOf('a\0b')).toBe('quoted-printable')
  expect(await encodingOf('Направление')).toBe('base64')
})

test('a name stands as RFC 2231 has it, and once more for older readers; one that was given stays alone', async () => {
  const content = 'x'
  const { raw } = await compose({
    attachments: [
      { filename: 'Befund ü.xml', contentType: 'application/xml', content },
      { filename: 'a "b" \\c.xml', contentType: 'application/xml', content },
      { filename: 'd.xml', contentType: 'application/xml; name=given.xml', content },
    ],
  })
  expect(raw).toContain('Content-Type: application/xml; name="=?utf-8?B?QmVmdW5kIMO8LnhtbA==?="\r\n')
  expect(raw).toContain("Content-Disposition: attachment; filename*=utf-8''Befund%20%C3%BC.xml\r\n")
  expect(raw).toContain('filename="a \\"b\\" \\\\c.xml"\r\n')
  expect(raw).toContain('Content-Type: application/xml; name=given.xml\r\n')
})

test('MSG-1, MSG-14: a name for which a line has no room, or which a reader might change, stands in pieces as RFC 2231 has it', async () => {
  const names = [
    `${'a'.repeat(1200)}.pdf`,
    `a${' '.repeat(1100)}b.pdf`,
    'Befund  und  Bericht '.repeat(9),
    `${'\\"'.repeat(100)}.pdf`,
  ]
  for (const filename of names) {
    const { raw, parts } = await compose({ attachments: [{ filename, content: 'x' }] })
    expectCanonical(raw)
    expect(parts[1]?.filename).toBe(filename)
  }
  const { raw } = await compose({ attachments: [{ filename: '=?utf-8?Q?b?=.txt', content: 'x' }] })
  expect(raw).toContain("filename*=utf-8''%3D%3Futf-8%3FQ%3Fb%3F%3D.txt\r\n")
})

test('half a surrogate pair in a name becomes a replacement character, as it does in a text', async () => {
  const { parts } = await compose({
    text: 'a\ud800',
    attachments: [{ filename: 'a\ud800.pdf', content: 'x' }],
  })
  expect(parts.map(({ filename, content }) => filename ?? content.toString())).toEqual([
    'a\ufffd',
    'a\ufffd.pdf',
  ])
})

test('MSG-1: a subject without a blank goes over several lines, and a content type for which none has room is refused', async () => {
  for (const subject of ['s'.repeat(1500), `a${' '.repeat(1500)}b`]) {
    const { raw } = await compose({ subject, text: 'x' })
    expectCanonical(raw)
    expect(decodeWords(/^Subject:\s*(.*(?:\r\n .*)*)\r$/m.exec(raw)?.[1] ?? '')).toBe(subject)
  }
  const contentType = `application/xml; x=${'y'.repeat(1000)}`
  await expect(
    compose({ attachments: [{ filename: 'a.xml', contentType, content: 'x' }] }),
  ).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
})

test('a large attachment arrives byte for byte, though its pieces are lent on their way', async () => {
  const content = Buffer.from(Array.from({ length: 5_000_000 }, (_, n) => (n * 7919) >> 4))
  const { parts } = await compose({ attachments: [{ filename: 'scan.bin', content }] })
  expect(parts[1]?.content.equals(content)).toBe(true)
})

test('chunks that are text are UTF-8, as of a stream that was told its encoding', async () => {
  const content = (async function* () {
    yield 'Grü'
    yield 'ße'
  })() as AsyncIterable<unknown> as AsyncIterable<Uint8Array>
  const { parts } = await compose({ attachments: [{ filename: 'a.txt', content }] })
  expect(parts[1]?.content.toString()).toBe('Grüße')
})

test('a stream that is attached is let go of where what is spooled has no place', async () => {
  let closed = 0
  const content = async function* () {
    try {
      for (;;) yield Buffer.alloc(1 << 20)
    } finally {
      closed++
    }
  }
  const tools = { spool: createSpool('/dev/null/nowhere'), now: () => new Date() }
  const draft = { from: 'kim@clinic.example', to: ['lee@hisp.example'], subject: 'x' }
  const attachments = [{ filename: 'a.bin', content: content() }]
  await expect(composeDraft({ ...draft, attachments }, tools)).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
  })
  expect(closed).toBe(1)
})

test('a content type that no header can hold is refused as such', async () => {
  const attachments = [{ filename: 'a', contentType: 'text/plain; ü', content: 'x' }]
  await expect(compose({ attachments })).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
})
