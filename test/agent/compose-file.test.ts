import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import { composeFile } from '../../agent/compose.ts'
import { collect, memorySpool, sourceOf } from './mime/streams.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const address = (text: string) => parseAddress(text) as Address
const mail = (...lines: string[]) => lines.join('\r\n')
const HEADER = [
  'From: Kim <kim@clinic.example>',
  'To: lee@hisp.example',
  'Date: Fri, 20 Nov 2026 08:00:00 +0100',
  'Message-ID: <1@clinic.example>',
]
const ASKS = 'Disposition-Notification-To: kim@clinic.example'

async function compose(
  message: string | Uint8Array,
  to: readonly string[] = ['lee@hisp.example'],
  finalDelivery = false,
) {
  const spool = memorySpool()
  const composed = await composeFile(sourceOf(message), {
    spool,
    now: () => NOW,
    from: address('kim@clinic.example'),
    to: to.map(address),
    finalDelivery,
  })
  const inner = (await collect(composed.inner.read())).toString('latin1')
  return { composed, inner, spool }
}

test('a complete and canonical message stays as it is, byte for byte', async () => {
  const message = mail(
    ...HEADER,
    'disposition-notification-to : x@y.example',
    'X-Odd:\tvalue',
    '',
    'body',
    '',
  )
  const { composed, inner, spool } = await compose(message)
  expect(inner).toBe(message)
  expect(composed.routing).toMatchObject({
    messageId: '<1@clinic.example>',
    date: 'Fri, 20 Nov 2026 08:00:00 +0100',
  })
  await composed[Symbol.asyncDispose]()
  expect(spool.open()).toBe(0)
})

test('Message-ID, Date and Disposition-Notification-To are added where they are missing, and nothing else (MSG-4, N-3)', async () => {
  const message = mail('From: kim@clinic.example', 'To: lee@hisp.example', '', 'body')
  const { composed, inner } = await compose(message, undefined, true)
  expect(composed.routing.messageId).toMatch(/^<[0-9a-f-]{36}@clinic\.example>$/)
  expect(inner).toBe(
    mail(
      'From: kim@clinic.example',
      'To: lee@hisp.example',
      `Message-ID: ${composed.routing.messageId}`,
      'Date: Sat, 21 Nov 2026 12:00:00 +0000',
      ASKS,
      'Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true',
      '',
      'body',
    ),
  )
})

describe('MSG-3: everybody sees only what routes a message', () => {
  const routingOf = async (...fields: string[]) => {
    const message = mail('From: kim@clinic.example', 'To: lee@hisp.example', ASKS, ...fields, '', 'body')
    const { composed, inner } = await compose(message)
    expect(inner).toContain(fields.join('\r\n'))
    return composed.routing
  }

  test('of In-Reply-To and References the ids, not the phrases and comments that may stand beside them', async () => {
    const routing = await routingOf(
      'In-Reply-To: Your message about John Doe <1@x.example>',
      'References: (John Doe) <0@x.example>',
      '\t"Doe, J." <1@x.example>',
    )
    expect(routing).toMatchObject({ inReplyTo: '<1@x.example>', references: '<0@x.example> <1@x.example>' })
    const none = await routingOf('In-Reply-To: "the note on John Doe"', 'References:')
    expect(none).toMatchObject({ inReplyTo: null, references: null })
  })

  test.each([
    ['Mon, 23 Nov 2026 08:00:00 +0000 (John Doe)', 'Mon, 23 Nov 2026 08:00:00 +0000'],
    ['23  Nov 26 08:00 EST', '23 Nov 26 08:00 EST'],
    ['Mon, 23 Nov 2026\r\n 08:00:00 GMT', 'Mon, 23 Nov 2026 08:00:00 GMT'],
  ])('of Date the date-time: %j', async (date, seen) => {
    expect((await routingOf(`Date: ${date}`)).date).toBe(seen)
  })

  test.each(['the day of John Doe', '', '2026-11-23T08:00:00Z', 'Mon, 23 Nov 2026 08:00:00 DOE'])(
    'a Date that is none stays inside: %j',
    async (date) => {
      expect((await routingOf(`Date: ${date}`)).date).toBe('Sat, 21 Nov 2026 12:00:00 +0000')
    },
  )
})

test('MSG-3: Bcc is removed, folded or repeated, and that of a message sent on (RFC 5322 3.6.6)', async () => {
  const { inner } = await compose(
    mail(
      HEADER[0] as string,
      'Bcc: a@x.example,',
      ' b@x.example',
      ...HEADER.slice(1),
      'BCC : c@x.example',
      'Resent-Bcc: d@x.example',
      ASKS,
      '',
      'x',
    ),
  )
  expect(inner).toBe(mail(...HEADER, ASKS, '', 'x'))
})

test('recipients are sorted by the field that names them; who is named in none is a Bcc recipient', async () => {
  const message = mail(
    'From: kim@clinic.example',
    'To: "x@y.example" <LEE@hisp.example>, other@z.example',
    'Cc: c@hisp.example',
    '',
    '',
  )
  const { to, cc, bcc } = (await compose(message, ['lee@hisp.example', 'c@hisp.example', 'x@y.example']))
    .composed.routing
  expect([to, cc, bcc].map((list) => list.map(String))).toEqual([
    ['lee@hisp.example'],
    ['c@hisp.example'],
    ['x@y.example'],
  ])
})

test('MSG-2: what is wrapped already is unwrapped, also from an encoding that a wrapper may not have', async () => {
  const message = mail(...HEADER, ASKS, '', 'body', '')
  const encoded = Buffer.from(message).toString('base64')
  expect((await compose(`Content-Type: message/rfc822\r\n\r\n${message}`)).inner).toBe(message)
  expect(
    (await compose(`Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}`))
      .inner,
  ).toBe(message)
})

describe('IN-4: an envelope is not put into another one, which nobody would open', () => {
  /** A ContentInfo of enveloped-data, as far as anybody looks. */
  const CMS = Buffer.from('300f06092a864886f70d010703a0023000', 'hex').toString('base64')
  const ENCRYPTED = [
    ...HEADER,
    'Content-Type: application/pkcs7-mime',
    'Content-Transfer-Encoding: base64',
    '',
    CMS,
  ]

  test.each([
    { name: 'itself', message: mail(...ENCRYPTED) },
    { name: 'that is wrapped', message: mail('Content-Type: message/rfc822', '', ...ENCRYPTED) },
  ])('$name', async ({ message }) => {
    await expect(compose(message)).rejects.toThrow(
      'the message cannot be sent: it is encrypted already, and nobody opens an envelope within another',
    )
  })

  test('one that is attached is content like any other', async () => {
    const parts = ['--b', 'Content-Type: application/pkcs7-mime', '', CMS, '--b--', '']
    const message = mail(...HEADER, ASKS, 'Content-Type: multipart/mixed; boundary=b', '', ...parts)
    expect((await compose(message)).inner).toBe(message)
  })
})

test('IN-2: a mbox line before the message is no part of it', async () => {
  const message = mail(...HEADER, ASKS, '', 'body', '')
  expect((await compose(`From kim Sat Nov 21\r\n${message}`)).inner).toBe(message)
})

describe('MESSAGE_INVALID, with a hint', () => {
  test.each([
    ['no From', mail('To: lee@hisp.example', '', '')],
    ['two From fields', mail('From: kim@clinic.example', 'From: kim@clinic.example', '', '')],
    ['two mailboxes in From', mail('From: kim@clinic.example, x@y.example', '', '')],
    ['a From that is not the sender', mail('From: "kim@clinic.example" <x@y.example>', '', '')],
    ['a From that is no plain mailbox', mail('From: g: kim@clinic.example;', '', '')],
    ...['Message-ID: <1@x>', 'Date: x', 'To: a@x.example', 'Cc: a@x.example', 'Content-Type: text/plain'].map(
      (field): [string, string] => [
        `two of ${field}`,
        mail('From: kim@clinic.example', field, field, '', ''),
      ],
    ),
    ['a Message-ID that is none', mail('From: kim@clinic.example', 'Message-ID: 17', '', '')],
    ['a line that is no field', mail('From: kim@clinic.example', 'Bcc x@y.example', '', '')],
    ['a control in a header (MSG-13)', mail('From: kim@clinic.example', 'Subject: a\0', '', '')],
    ['no header at all', 'hello\r\n'],
    ['nothing', ''],
  ])('%s', async (_, message) => {
    await expect(compose(message)).rejects.toMatchObject({
      name: 'DirectError',
      code: 'MESSAGE_INVALID',
      hint: expect.any(String),
    })
  })
})

test('IN-11: what is nested too deep is LIMIT_EXCEEDED', async () => {
  const nested = Array.from({ length: 25 }, () => 'Content-Type: message/rfc822\r\n\r\n').join('')
  await expect(
    compose(`From: kim@clinic.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${nested}`),
  ).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
})

test('nothing is left in a spool when a message is refused', async () => {
  const spool = memorySpool()
  const options = {
    spool,
    now: () => NOW,
    from: address('kim@clinic.example'),
    to: [address('lee@hisp.example')],
  }
  for (const message of [
    'From: x@y.example\r\n\r\n',
    'From: kim@clinic.example\r\nMessage-ID: 1\r\n\r\n',
    'Content-Type: message/rfc822\r\n\r\nhello',
  ])
    await expect(composeFile(sourceOf(message), options)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
  expect(spool.open()).toBe(0)
})

describe('a message in a file', () => {
  const write = async (text: string) => {
    const dir = await mkdtemp(join(tmpdir(), 'direct-compose-'))
    onTestFinished(() => rm(dir, { recursive: true, maxRetries: 10 }))
    const path = join(dir, 'message.eml')
    await writeFile(path, text)
    return path
  }
  const options = {
    now: () => NOW,
    from: address('kim@clinic.example'),
    to: [address('lee@hisp.example')],
  }

  test('is read where it lies: nothing of a canonical one is copied, whatever its header lacks', async () => {
    const spool = memorySpool()
    const path = await write(mail('From: kim@clinic.example', 'To: lee@hisp.example', '', 'body', ''))
    await using composed = await composeFile(path, { ...options, spool })
    const inner = (await collect(composed.inner.read())).toString()
    expect(inner).toMatch(/^From: kim@clinic\.example\r\n[\s\S]*\r\n\r\nbody\r\n$/)
    expect(composed.inner.bytes).toBe(inner.length)
    expect(spool.open()).toBe(0)
  })

  describe('that changes after it was looked at is never another message than was checked', () => {
    const changed = async (body: string) => {
      const path = await write(mail(...HEADER, '', body, ''))
      const composed = await composeFile(path, { ...options, spool: memorySpool() })
      onTestFinished(() => composed[Symbol.asyncDispose]())
      await writeFile(path, mail(...HEADER, '', body.replace('o', '0'), ''))
      return collect(composed.inner.read())
    }

    test('a short one has been read', async () => {
      expect((await changed('body')).toString()).toMatch(/\r\n\r\nbody\r\n$/)
    })

    test('of a long one it is an error', async () => {
      await expect(changed('body\r\n'.repeat(50_000))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    })
  })
})
