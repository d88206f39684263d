import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { composeDraft } from '../../agent/compose.ts'
import { readMessageHeader, readParts } from '../../agent/read.ts'
import type { Draft } from '../../agent/sending-types.ts'
import { corpora } from '../corpora.ts'
import { collect, inChunks, memorySpool } from './mime/streams.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const folder = mkdtempSync(join(tmpdir(), 'compose-'))
afterAll(() => rmSync(folder, { recursive: true }))

const DRAFT: Draft = {
  from: 'kim@clinic.example',
  to: ['lee@hisp.example'],
  subject: 'Referral',
  text: 'See below.',
}

function compose(draft: Partial<Draft> = {}, options: { finalDelivery?: boolean; messageId?: string } = {}) {
  return composeDraft({ ...DRAFT, ...draft }, { spool: memorySpool(), now: () => NOW, ...options })
}

async function innerOf(draft: Partial<Draft>): Promise<string> {
  await using composed = await compose(draft)
  return (await collect(composed.inner.read())).toString('latin1')
}

describe('the header', () => {
  test('holds what the draft says, in ASCII, and asks for an MDN (MSG-1, MSG-4, N-3)', async () => {
    await using composed = await compose(
      { cc: ['c@hisp.example'], subject: 'Überweisung', inReplyTo: '<1@x>', references: ['<0@x>', '<1@x>'] },
      { finalDelivery: true, messageId: '<m@clinic.example>' },
    )
    const text = (await collect(composed.inner.read())).toString('latin1')
    expect(text.slice(0, text.indexOf('\r\nContent-'))).toBe(
      [
        'From: kim@clinic.example',
        'To: lee@hisp.example',
        'Cc: c@hisp.example',
        'Subject: =?utf-8?B?w5xiZXJ3ZWlzdW5n?=',
        'Date: Sat, 21 Nov 2026 12:00:00 +0000',
        'Message-ID: <m@clinic.example>',
        'In-Reply-To: <1@x>',
        'References: <0@x> <1@x>',
        'Disposition-Notification-To: kim@clinic.example',
        'Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true',
      ].join('\r\n'),
    )
    expect(composed.routing).toMatchObject({
      messageId: '<m@clinic.example>',
      date: 'Sat, 21 Nov 2026 12:00:00 +0000',
      inReplyTo: '<1@x>',
      references: '<0@x> <1@x>',
    })
  })

  test('MSG-4: a Message-ID is made in the sender’s domain', async () => {
    await using composed = await compose()
    expect(composed.routing.messageId).toMatch(/^<[0-9a-f-]{36}@clinic\.example>$/)
    expect((await readMessageHeader(composed.inner)).messageId).toBe(composed.routing.messageId)
  })

  test('MSG-3, MSG-12: there is no Bcc, Sender or X-Mailer', async () => {
    const text = await innerOf({ bcc: ['secret@hisp.example'] })
    expect(text).not.toMatch(/secret|^(bcc|sender|x-mailer)/im)
  })

  test('who is named twice is written to once, where it is seen most', async () => {
    await using composed = await compose({
      to: ['a@x.example', 'A@X.example'],
      cc: ['a@x.example'],
      bcc: ['b@x.example', 'a@x.example'],
    })
    const { to, cc, bcc } = composed.routing
    expect([to, cc, bcc].map((list) => list.map(String))).toEqual([['a@x.example'], [], ['b@x.example']])
  })

  test('a subject that looks encoded arrives as it was written', async () => {
    await using composed = await compose({ subject: '=?utf-8?q?x?=' })
    expect((await readMessageHeader(composed.inner)).subject).toBe('=?utf-8?q?x?=')
  })
})

describe('MSG-13: controls and what is no address are refused before anything is read', () => {
  test.each([
    ['a line break in the subject', { subject: 'a\r\nBcc: x@y.example' }, 'MESSAGE_INVALID'],
    ['a NUL in the subject', { subject: 'a\0b' }, 'MESSAGE_INVALID'],
    ['a line separator in the subject', { subject: 'a\u2028b' }, 'MESSAGE_INVALID'],
    ['a line break in an address', { to: ['a@x.example\r\nBcc: b@y.example'] }, 'ADDRESS_INVALID'],
    ['a display name', { to: ['Lee <lee@hisp.example>'] }, 'ADDRESS_INVALID'],
    ['two addresses in one', { cc: ['a@x.example,b@y.example'] }, 'ADDRESS_INVALID'],
    ['no sender', { from: '' }, 'ADDRESS_INVALID'],
    ['no recipient', { to: [] }, 'MESSAGE_INVALID'],
    ['a control in a file name', { attachments: [{ filename: 'a\rb', content: '' }] }, 'MESSAGE_INVALID'],
    ['no file name', { attachments: [{ filename: '', content: '' }] }, 'MESSAGE_INVALID'],
    [
      'a line break in a content type',
      { attachments: [{ filename: 'a', contentType: 'text/plain\r\nX: y', content: '' }] },
      'MESSAGE_INVALID',
    ],
    [
      'a multipart for an attachment',
      { attachments: [{ filename: 'a', contentType: 'multipart/mixed', content: '' }] },
      'MESSAGE_INVALID',
    ],
    ['a control in In-Reply-To', { inReplyTo: '<a@b>\r\nBcc: x@y.example' }, 'MESSAGE_INVALID'],
    ['a reference without brackets', { references: ['a@b'] }, 'MESSAGE_INVALID'],
  ])('%s', async (_, draft, code) => {
    await expect(compose(draft)).rejects.toMatchObject({
      name: 'DirectError',
      code,
      hint: expect.any(String),
    })
  })

  test('a Message-ID that is none', async () => {
    await expect(compose({}, { messageId: '<a b>' })).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
  })
})

describe('attachments', () => {
  async function partsOf(draft: Partial<Draft>) {
    await using composed = await compose(draft)
    const parts = []
    for await (const part of readParts(composed.inner))
      parts.push({ ...part, content: await collect(part.read()) })
    return parts
  }
  const anyBytes = Buffer.from('a\nb\r\nc\r\0\xff', 'latin1')

  test('MSG-14: bytes, text, streams and files arrive byte for byte, whatever their type', async () => {
    const parts = await partsOf({
      attachments: [
        { filename: 'note.txt', content: 'Grüße\nzwei' },
        { filename: 'mail.eml', content: anyBytes },
        { filename: 'a.zip', content: inChunks(anyBytes, 2) },
        { filename: 'Befund ü.xml', contentType: 'application/xml; charset=utf-8', content: anyBytes },
        { filename: 'empty.bin', content: new Uint8Array() },
      ],
    })
    expect(parts.map(({ filename, contentType, content }) => [filename, contentType, content])).toEqual([
      [null, 'text/plain', Buffer.from('See below.')],
      ['note.txt', 'text/plain', Buffer.from('Grüße\nzwei')],
      ['mail.eml', 'application/octet-stream', anyBytes],
      ['a.zip', 'application/zip', anyBytes],
      ['Befund ü.xml', 'application/xml', anyBytes],
      ['empty.bin', 'application/octet-stream', Buffer.alloc(0)],
    ])
    expect(parts.slice(1).every(({ disposition }) => disposition === 'attachment')).toBe(true)
  })

  test('text and HTML stand beside each other; text without text is still there', async () => {
    const types = async (draft: Partial<Draft>) =>
      (await partsOf(draft)).map(({ contentType }) => contentType)
    expect(await types({ text: 'é', html: '<b>é</b>' })).toEqual(['text/plain', 'text/html'])
    expect(await types({ text: '', attachments: [{ filename: 'a.xml', content: '<a/>' }] })).toEqual([
      'text/plain',
      'application/xml',
    ])
  })

  test('a message as an attachment becomes canonical, as message/rfc822 cannot be encoded (RFC 2046 5.2.1)', async () => {
    const text = await innerOf({
      attachments: [{ filename: 'm.eml', contentType: 'message/rfc822', content: 'Subject: ü\n\ngrün\n' }],
    })
    expect(text).toMatch(/^[\0-\x7f]*$/)
    expect(text).toContain(
      'Subject: =?utf-8?B?w7w=?=\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn\r\n',
    )
  })

  test('IN-11: more parts, or a longer header, than a receiver reads are refused', async () => {
    const files = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ filename: `${i}.txt`, content: 'x' }))
    expect(await innerOf({ attachments: files(999) })).toContain('filename="998.txt"')
    await expect(compose({ attachments: files(1000) })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    await expect(compose({ html: '<p>', attachments: files(998) })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    })
    await expect(compose({ subject: 'long '.repeat(220_000) })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    })
  })

  test('a file that says it is empty and is not is FILE_UNREADABLE: nothing would be sent in its place', async () => {
    const path = '/proc/self/status'
    await expect(compose({ attachments: [{ filename: 'a', content: { path } }] })).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining(path),
    })
  })

  test('a folder or a missing file is FILE_UNREADABLE, by name', async () => {
    for (const path of [folder, join(folder, 'absent.xml')])
      await expect(
        compose({ attachments: [{ filename: 'a.xml', content: { path } }] }),
      ).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining(path),
        hint: expect.any(String),
      })
  })

  test('a stream that fails stops the message, and nothing is left behind', async () => {
    const spool = memorySpool()
    const failing = async function* () {
      yield Buffer.from('x')
      throw new Error('the disk is gone')
    }
    const draft = { ...DRAFT, attachments: [{ filename: 'a', content: failing() }] }
    await expect(composeDraft(draft, { spool, now: () => NOW })).rejects.toThrow('the disk is gone')
    expect(spool.open()).toBe(0)
  })

  const ccda = corpora('ccda')
  test.skipIf(ccda === null)(
    'MSG-14: every document of the corpus arrives byte for byte from its file',
    async () => {
      const files = readdirSync(ccda as string)
      const parts = await partsOf({
        attachments: files.map((filename) => ({
          filename,
          content: { path: join(ccda as string, filename) },
        })),
      })
      expect(parts.slice(1).map(({ filename }) => filename)).toEqual(files)
      for (const [index, file] of files.entries())
        expect(parts[index + 1]?.content.equals(readFileSync(join(ccda as string, file))), file).toBe(true)
    },
  )
})

test('MSG-2: the entity is message/rfc822 without a transfer encoding, and the inner message as it is', async () => {
  await using composed = await compose()
  const inner = await collect(composed.inner.read())
  const entity = await collect(composed.entity.read())
  expect(entity).toEqual(Buffer.concat([Buffer.from('Content-Type: message/rfc822\r\n\r\n'), inner]))
  expect([composed.inner.bytes, composed.entity.bytes]).toEqual([inner.length, entity.length])
})

test('a spool that fails lets go of the attachments', async () => {
  const released = Promise.withResolvers<void>()
  const endless = async function* () {
    try {
      for (;;) yield Buffer.alloc(1 << 16)
    } finally {
      released.resolve()
    }
  }
  const full = async (bytes: AsyncIterable<Uint8Array>) => {
    for await (const chunk of bytes) if (chunk.length > 1000) throw new Error('the disk is full')
    throw new Error('the test sends more')
  }
  const draft = { ...DRAFT, attachments: [{ filename: 'a', content: endless() }] }
  await expect(composeDraft(draft, { spool: full, now: () => NOW })).rejects.toThrow('the disk is full')
  await released.promise
})

test('disposing of a composed message lets go of its spool', async () => {
  const spool = memorySpool()
  const composed = await composeDraft(DRAFT, { spool, now: () => NOW })
  expect(spool.open()).toBe(1)
  await composed[Symbol.asyncDispose]()
  expect(spool.open()).toBe(0)
})
