import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readMessageHeader, readParts, safeFilename } from '../../agent/read.ts'
import { collect, sourceOf, text } from './mime/streams.ts'

const mail = (...lines: string[]) => lines.join('\r\n')

describe('the header', () => {
  const facts = (...lines: string[]) => readMessageHeader(sourceOf(mail(...lines, '', '')))

  test('says who, when and what, decoded for people', async () => {
    expect(
      await facts(
        'From: =?utf-8?q?J=C3=B6rg?= <j@x.example>',
        'To: a@x.example, b@x.example',
        'Message-ID: <1@x>',
        'Subject: =?utf-8?q?=C3=9Cbel?=',
        'Date: Sat, 21 Nov 2026 12:00:00 +0100 (CET)',
        'Auto-Submitted: no',
        'Disposition-Notification-Options: x',
      ),
    ).toMatchObject({
      from: { fields: 1, mailboxes: [{ display: 'Jörg' }], problems: [] },
      to: { fields: 1, mailboxes: [{}, {}] },
      sender: { fields: 0 },
      messageId: '<1@x>',
      messageIds: 1,
      subject: 'Übel',
      date: new Date('2026-11-21T11:00:00Z'),
      inReplyTo: null,
      autoSubmitted: 'no',
      notificationOptions: 'x',
      mediaType: { type: 'text/plain' },
    })
  })

  test('IN-6: every From field counts, and problems are told', async () => {
    const { from, messageIds } = await facts(
      'From: a@x.example',
      'FROM : b@x.example, "c"@x.example',
      'Message-ID: <1>',
      'Message-Id: <2>',
    )
    expect([from.fields, from.mailboxes.length, from.problems.length, messageIds]).toEqual([2, 2, 1, 2])
  })

  test('a subject’s hidden controls are shown as something that was there', async () => {
    expect((await facts('Subject: =?utf-8?q?a=0D=0ABcc=3A_b=00?=')).subject).toBe('a\ufffd\ufffdBcc: b\ufffd')
  })

  test('a date that is none is null', async () => {
    expect((await facts('Date: yesterday')).date).toBeNull()
  })
})

describe('the parts', () => {
  async function partsOf(message: string, chunk?: number) {
    const parts: unknown[] = []
    for await (const { filename, contentType, disposition, read } of readParts(sourceOf(message, chunk)))
      parts.push([filename, contentType, disposition, await text(read())])
    return parts
  }
  const MESSAGE = mail(
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: multipart/alternative; boundary=c',
    '',
    '--c',
    '',
    'text',
    '--c',
    'Content-Type: text/HTML',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    '=3Cb=3E',
    '--c--',
    '--b',
    'Content-Type: message/rfc822',
    '',
    'Content-Type: multipart/mixed; boundary=z',
    '',
    '--z--',
    '--b',
    `Content-Type: application/pdf; name="ignored.pdf"`,
    `Content-Disposition: ATTACHMENT; filename*=utf-8''..%2F%C3%BC.pdf`,
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERg==',
    '--b',
    'Content-Type: image/png; name="=?utf-8?q?=C3=BC=2Epng?="',
    'Content-Disposition: inline',
    '',
    'x',
    '--b',
    'Content-Type: text/plain',
    'Content-Transfer-Encoding: x-own',
    '',
    'raw',
    '--b--',
  )

  test.each([1, 3, 10_000])(
    'come in order, decoded, with their names as data (chunks of %i)',
    async (chunk) => {
      expect(await partsOf(MESSAGE, chunk)).toEqual([
        [null, 'text/plain', null, 'text'],
        [null, 'text/html', null, '<b>'],
        [null, 'message/rfc822', null, mail('Content-Type: multipart/mixed; boundary=z', '', '--z--')],
        ['../ü.pdf', 'application/pdf', 'attachment', '%PDF'],
        ['ü.png', 'image/png', 'inline', 'x'],
        [null, 'application/octet-stream', null, 'raw'],
      ])
    },
  )

  test.each([
    ['in a charset (RFC 2231 4)', "filename*=utf-8''%3D%3Futf-8%3Fq%3Fx%3F%3D.pdf", '=?utf-8?q?x?=.pdf'],
    [
      'in pieces of a charset',
      'filename*0*=utf-8\'\'%3D%3Futf-8%3Fq; filename*1="?x?=.pdf"',
      '=?utf-8?q?x?=.pdf',
    ],
    ['without one', 'filename="=?utf-8?q?x?=.pdf"', 'x.pdf'],
    ['in pieces without one (RFC 2231 3)', 'filename*0="=?utf-8?q"; filename*1="?x?=.pdf"', 'x.pdf'],
  ])('what looks like an encoded word in a name %s is read once', async (_, filename, expected) => {
    const [[name] = []] = (await partsOf(
      mail('Content-Type: application/pdf', `Content-Disposition: attachment; ${filename}`, '', 'x'),
    )) as [string][]
    expect(name).toBe(expected)
  })

  test('a part that is not read, or only begun, is skipped', async () => {
    const types: string[] = []
    for await (const part of readParts(sourceOf(MESSAGE, 5))) {
      types.push(part.contentType)
      if (part.contentType === 'text/html') for await (const _ of part.read()) break
    }
    expect(types).toHaveLength(6)
  })

  test('a message without parts is its own leaf', async () => {
    expect(await partsOf('Content-Type: text/plain\r\n\r\nbody')).toEqual([
      [null, 'text/plain', null, 'body'],
    ])
  })

  test('IN-11: more than 1,000 parts are LIMIT_EXCEEDED', async () => {
    const many = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(1001)}`
    await expect(partsOf(many)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  test('chunks are the reader’s own: one that is changed, or handed on with its memory, takes no other along (MSG-14)', async () => {
    const whole = Buffer.alloc(MESSAGE.length, MESSAGE)
    const source = {
      bytes: whole.length,
      async *read() {
        yield whole
      },
    }
    const found: string[] = []
    for await (const part of readParts(source))
      for await (const chunk of part.read()) {
        found.push(
          Buffer.from(structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] })).toString(),
        )
      }
    const expected: string[] = []
    for await (const part of readParts(sourceOf(MESSAGE))) expected.push(await text(part.read()))
    expect(found).toEqual(expected.filter((one) => one !== ''))
    expect(whole.toString('latin1')).toBe(Buffer.from(MESSAGE).toString('latin1'))
  })

  test('stopping early lets go of the message', async () => {
    let released = false
    const source = {
      bytes: MESSAGE.length,
      async *read() {
        try {
          for (const char of MESSAGE) yield Buffer.from(char)
        } finally {
          released = true
        }
      },
    }
    for await (const part of readParts(source)) {
      await collect(part.read())
      break
    }
    expect(released).toBe(true)
  })
})

describe('a safe file name', () => {
  test.each([
    ['report.pdf', 'report.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Windows\\win.ini', 'win.ini'],
    ['.bashrc', 'bashrc'],
    ['...', 'part-7'],
    ['', 'part-7'],
    [null, 'part-7'],
    ['a\0b\r\nc.txt', 'abc.txt'],
    ['exe\u202egnp.scr', 'exegnp.scr'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['com1 .txt', '_com1 .txt'],
    ['a:b*c?.txt', 'a_b_c_.txt'],
    ['trailing. . ', 'trailing'],
    ['Übersicht März.xml', 'Übersicht März.xml'],
    ['u\u0308.xml', 'ü.xml'],
  ])('%j becomes %j', (name, safe) => {
    expect(safeFilename(name, 7)).toBe(safe)
  })

  test('is at most 100 characters long, and keeps its extension', () => {
    expect(safeFilename(`${'a'.repeat(300)}.xml`, 1)).toBe(`${'a'.repeat(96)}.xml`)
    expect(safeFilename(`a.${'x'.repeat(300)}`, 1)).toHaveLength(100)
    expect(safeFilename(`${'a'.repeat(98)}. b${'b'.repeat(99)}`, 1)).toBe('a'.repeat(98))
  })

  test('holds nothing that a file system or a reader could mistake, whatever the name', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom('', '.pdf', '/', '. '),
        (name, end) => {
          const safe = safeFilename(name + end, 1)
          expect(safe).toMatch(/^[^./\\\p{Cc}\p{Cf}<>:"|?*][^/\\\p{Cc}\p{Cf}<>:"|?*]*$/u)
          expect(safe).not.toMatch(/[. ]$/)
          expect([...safe].length).toBeLessThanOrEqual(100)
          expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(200)
        },
      ),
    )
  })
})
