import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalise } from '../../agent/compose/canonical.ts'
import { readParts } from '../../agent/read.ts'
import type { Source } from '../../agent/smime/source.ts'
import { corpora } from '../corpora.ts'
import { anyCuts, collect, cutAt, inChunks, memorySpool } from './mime/streams.ts'

const NO_EDITS = { drop: [], add: [] }

async function canonical(message: Uint8Array | string, chunk = 1 << 16): Promise<Buffer> {
  const spool = memorySpool()
  await using result = await canonicalise(
    await spool(inChunks(Buffer.from(message as string), chunk)),
    NO_EDITS,
    spool,
  )
  return collect(result.read())
}

const source = (bytes: Uint8Array): Source => ({ bytes: bytes.length, read: () => inChunks(bytes) })

async function leaves(message: Uint8Array) {
  const all: { type: string; filename: string | null; content: Buffer }[] = []
  for await (const part of readParts(source(message)))
    all.push({ type: part.contentType, filename: part.filename, content: await collect(part.read()) })
  return all
}

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const mail = (...lines: string[]) => lines.join('\r\n')

describe('MSG-1: a message that is canonical already comes back byte for byte', () => {
  test.each([
    ['plain', mail('Subject: x', ' folded', 'A:no space', '', 'body', '')],
    ['a header alone', 'Subject: x\r\n'],
    [
      '8bit said of what is 7-bit',
      mail('Content-Transfer-Encoding: 8bit', 'Content-Type: text/plain', '', 'ascii'),
    ],
    [
      'nested, with preamble and epilogue',
      mail('Content-Type: multipart/mixed; boundary=b', '', 'pre', '--b', '', '=E4', '--b--', 'epilogue'),
    ],
    ['lines of any length', `A: 1\r\n\r\n${'x'.repeat(5000)}`],
  ])('%s', async (_, message) => {
    expect((await canonical(message)).toString()).toBe(message)
  })
})

describe('MSG-1: what is not canonical becomes so, and nothing else changes', () => {
  test('line ends become CRLF everywhere, however the bytes are cut', async () => {
    const message = 'A: 1\n 2\nContent-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\r\ntwo\n--b--\n'
    for (const chunk of [1, 2, 3, 1000])
      expect((await canonical(message, chunk)).toString()).toBe(message.replace(/\r?\n/g, '\r\n'))
  })

  test('8-bit text becomes quoted-printable, and its header says so', async () => {
    const message = mail(
      'A: 1',
      'Content-Type: text/plain; charset=utf-8',
      'content-transfer-encoding: 8bit',
      'B: 2',
      '',
      'wie schön',
    )
    expect((await canonical(message)).toString()).toBe(
      mail(
        'A: 1',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: quoted-printable',
        'B: 2',
        '',
        'wie sch=C3=B6n',
      ),
    )
  })

  test('text that is mostly 8-bit becomes base64, with CRLF line ends', async () => {
    const [leaf] = await leaves(await canonical('Content-Type: text/plain; charset=utf-8\n\nДоброе\nутро\n'))
    expect(leaf?.content.toString()).toBe('Доброе\r\nутро\r\n')
    expect((await canonical('A: 1\n\nДоброе\n')).toString()).toContain(
      'Content-Transfer-Encoding: base64\r\n\r\n',
    )
  })

  test('bytes that are no text become base64 as they are, their line ends too', async () => {
    const bytes = '\0\xff\n\r\r\n%PDF'
    for (const type of ['application/pdf', 'text/plain']) {
      const message = latin1(mail(`Content-Type: ${type}`, 'Content-Transfer-Encoding: binary', '', bytes))
      expect((await leaves(await canonical(message)))[0]?.content).toEqual(latin1(bytes))
    }
  })

  test('a lone CR survives in an encoding; in 7-bit text it would not', async () => {
    const message = await canonical(mail('A: 1', '', 'one\rtwo', 'x'))
    expect(message.toString()).toContain('one=0Dtwo\r\nx')
  })

  test('multiparts and messages around an encoded leaf no longer say 8bit or binary', async () => {
    const message = mail(
      'Content-Type: multipart/mixed; boundary=b',
      'Content-Transfer-Encoding: binary',
      '',
      '--b',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: 8bit',
      '',
      'Subject: größer',
      '',
      'ein größerer Text',
      '--b',
      'Content-Type: multipart/mixed; boundary=c',
      'Content-Transfer-Encoding: 8bit',
      '',
      '--c',
      '',
      'ascii',
      '--c--',
      '--b--',
    )
    const [first = '', second = ''] = (await canonical(message)).toString().split('Subject:')
    expect(first.match(/Encoding: .*/g)).toEqual(['Encoding: 7bit', 'Encoding: 7bit'])
    expect(second).toContain('quoted-printable')
    expect(second.match(/Encoding: 8bit/g)).toHaveLength(1)
  })

  test('raw UTF-8 in headers becomes encoded words, in parts too; other fields stay as they are', async () => {
    const out = (
      await canonical(
        mail(
          'Subject: Grüße',
          'X-Odd:  two  blanks ',
          'Content-Type: multipart/mixed; boundary=b',
          '',
          '--b',
          'Content-Disposition: attachment; filename="ü.txt"',
          '',
          'x',
          '--b--',
        ),
      )
    ).toString('latin1')
    expect(out).toContain('Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\nX-Odd:  two  blanks \r\n')
    expect(out).toContain("filename*=utf-8''%C3%BC.txt\r\n")
  })

  test('inside multipart/signed nothing changes but line ends (RFC 1847 2.1)', async () => {
    const signed = latin1(
      'Content-Type: multipart/signed; boundary=b\n\n--b\nSubject: \xfc\n\n\xe4 \n--b\n\nsig\n--b--\n',
    )
    expect((await canonical(signed)).toString('latin1')).toBe(
      signed.toString('latin1').replaceAll('\n', '\r\n'),
    )
  })

  test('8-bit bytes in preambles become question marks, among encoded text what their decoders read', async () => {
    const out = await canonical(
      latin1(
        mail(
          'Content-Type: multipart/mixed; boundary=b',
          '',
          'pr\xe9',
          '--b',
          'Content-Transfer-Encoding: quoted-printable',
          '',
          'a=3D\xe9',
          '--b',
          'Content-Transfer-Encoding: base64',
          '',
          'YW\xe9Jj',
          '--b--',
        ),
      ),
    )
    expect(out.toString('latin1')).toContain('\r\npr?\r\n')
    expect((await leaves(out)).map(({ content }) => content.toString('latin1'))).toEqual(['a=\xe9', 'abc'])
  })
})

describe('what makes no sense is refused', () => {
  test.each([
    ['a control in a header (MSG-13)', 'Subject: a\0b\r\n\r\n'],
    ['a lone CR in a header (MSG-13)', 'Subject: a\rBcc: b@c.example\r\n\r\n'],
    [
      'a control in the header of a part',
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: \u0001\r\n\r\n--b--',
    ],
    ['8-bit bytes in an unknown encoding', 'Content-Transfer-Encoding: x-uuencode\r\n\r\n\xe9'],
    ['8-bit bytes in a multipart without a boundary', 'Content-Type: multipart/mixed\r\n\r\n\xe9'],
    ['raw UTF-8 in an address', 'To: \xe9@x.example\r\n\r\n'],
  ])('%s', async (_, message) => {
    await expect(canonical(latin1(message))).rejects.toMatchObject({ code: 'MALFORMED' })
  })
})

test('the spool that was handed over is disposed of, whatever happens', async () => {
  for (const message of ['A: 1\r\n\r\n', 'A: 1\n\n', 'A: \0\r\n\r\n']) {
    const spool = memorySpool()
    const spooled = await spool(inChunks(message))
    await canonicalise(spooled, NO_EDITS, spool)
      .then((result) => result[Symbol.asyncDispose]())
      .catch((error: unknown) => expect(error).toMatchObject({ code: 'MALFORMED' }))
    expect(spool.open()).toBe(0)
  }
})

test('canonicalising is idempotent, 7-bit and CRLF, and leaves decode to the same text', async () => {
  const line = fc.constantFrom('text', 'grün', '\xff\xfe', '=', 'a ', '', '.', '\u0001', 'x'.repeat(90))
  const body = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n')), { maxLength: 8 })
    .map((all) => all.flat().join(''))
  const label = fc.constantFrom(
    '',
    'Content-Transfer-Encoding: 8bit\n',
    'Content-Type: application/x\r\n',
    'Content-Type: message/rfc822\n',
  )
  const leaf = fc.tuple(label, body).map(([header, text]) => `${header}\n${text}`)
  const message = fc.oneof(
    leaf.map((text) => `Subject: ü\n${text}`),
    fc
      .array(leaf, { minLength: 1, maxLength: 4 })
      .map(
        (parts) =>
          `Content-Type: multipart/mixed; boundary=BB\n\n${parts.map((part) => `--BB\n${part}\n`).join('')}--BB--\n`,
      ),
  )
  await fc.assert(
    fc.asyncProperty(message, anyCuts, async (text, cuts) => {
      const bytes = latin1(text)
      const spool = memorySpool()
      const once = await collect(
        (await canonicalise(await spool(cutAt(bytes, cuts)), NO_EDITS, spool)).read(),
      )
      expect(once.toString('latin1')).toMatch(/^([\0-\x7f]*)$/)
      expect(once.toString('latin1')).not.toMatch(/(?<!\r)\n/)
      expect(await canonical(once)).toEqual(once)
    }),
  )
})

describe.each(['mail/rfc', 'mail/legacy', 'messages/nhin-d', 'thunderbird-smime'])(
  'the corpus %s',
  (name) => {
    const folder = corpora(name)
    /** Not RFC 5322, or 8-bit in an encoding that nobody knows. */
    const refused = new Set(['mail/legacy/026.eml', 'thunderbird-smime/expiration.txt'])
    const files = folder === null ? [] : readdirSync(folder).filter((file) => /\.(eml|txt)$/.test(file))

    test.skipIf(folder === null)(
      'every message becomes canonical once and for all, its leaves what they were',
      async () => {
        for (const file of files) {
          const given = readFileSync(join(folder as string, file))
          if (refused.has(`${name}/${file}`)) {
            await expect(canonical(given), file).rejects.toMatchObject({ code: 'MALFORMED' })
            continue
          }
          const once = await canonical(given)
          expect(/[\x80-\xff]|(?<!\r)\n/.test(once.toString('latin1')), file).toBe(false)
          expect((await canonical(once)).equals(once), file).toBe(true)
          const shown = async (message: Uint8Array) =>
            (await leaves(message)).map(({ type, filename, content }) => [
              type,
              filename,
              content.toString('latin1').replace(/\r?\n/g, '\n'),
            ])
          expect(await shown(once), file).toEqual(await shown(given))
        }
      },
    )
  },
)
