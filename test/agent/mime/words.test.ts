import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMailboxes } from '../../../agent/mime/addresses.ts'
import { encodeField } from '../../../agent/mime/encode-field.ts'
import { Header } from '../../../agent/mime/header.ts'
import { parseDisposition } from '../../../agent/mime/media-type.ts'
import { decodeWords, encodeWords } from '../../../agent/mime/words.ts'

describe('RFC 2047', () => {
  test.each([
    ['plain text', 'plain text'],
    ['=?ISO-8859-1?Q?a_b=E4?= c', 'a bä c'],
    ['=?utf-8?B?w6Q=?=\r\n =?utf-8?q?=C3=B6?=', 'äö'],
    ['=?utf-8?q?=C3?= =?utf-8?q?=A4?=', 'ä'],
    ['=?utf-8*de?q?x?= y =?utf-8?q?z?=', 'x y z'],
    ['=?utf-8?x?abc?= =?broken', '=?utf-8?x?abc?= =?broken'],
    ['=?no-such?q?a?=', 'a'],
  ])('%j reads %j', (encoded, decoded) => {
    expect(decodeWords(encoded)).toBe(decoded)
  })

  test('any text comes back from words of at most 75 characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const words = encodeWords(text)
        expect(words.every((word) => /^[!-~]{1,75}$/.test(word))).toBe(true)
        expect(decodeWords(words.join('\r\n '))).toBe(text)
      }),
    )
  })
})

describe('MSG-1: raw UTF-8 in a header field becomes ASCII and reads the same', () => {
  const encode = (line: string) => {
    const field = Header.parse(Buffer.from(line)).fields[0]
    if (field === undefined) throw new Error('the test has no field')
    const bytes = Buffer.from(encodeField(field)).toString('latin1')
    expect(bytes).toMatch(/^([\t -~]{1,76}\r\n)+$/)
    return Header.parse(Buffer.from(bytes)).fields[0]?.value ?? ''
  }

  test('unstructured text, long and folded, with encoded words in it', () => {
    const subject = `Re: über =?utf-8?q?=C3=A4?= ${'Öl und Wörter '.repeat(20)}ok`
    expect(decodeWords(encode(`Subject: ${subject}\r\n`))).toBe(subject.replace('=?utf-8?q?=C3=A4?=', 'ä'))
  })

  test.each([
    ['=?utf-8?q?=C3=A4?= ö', 'ä ö'],
    ['a ö  =?iso-8859-1?q?=E4?= b', 'a ö  ä b'],
    ['=?utf-8?q?=C3=A4?= ö =?utf-8?q?=C3=A4?=', 'ä ö ä'],
  ])(
    'a blank beside an encoded word that stood there before is read too (RFC 2047 6.2): %s',
    (given, read) => {
      expect(decodeWords(encode(`Subject: ${given}\r\n`))).toBe(read)
    },
  )

  test('the value begins beside its name (MSG-6)', () => {
    const subject = { name: 'Subject', value: 'ä'.repeat(80), raw: new Uint8Array() }
    const [first, ...more] = Buffer.from(encodeField(subject)).toString('latin1').split('\r\n')
    expect(first).toMatch(/^Subject: =\?utf-8\?B\?.+\?=$/)
    expect([first, ...more].every((line = '') => line.length <= 76)).toBe(true)
  })

  test('display names, quoted or not, comments and domains of address fields', () => {
    const value = encode(
      'To: Jörg "the" Müller <j@x.example>, "Ä, B" <b@y.example>, c@bücher.example (Übel)\r\n',
    )
    expect(parseMailboxes(value).mailboxes.map(({ address, display }) => [String(address), display])).toEqual(
      [
        ['j@x.example', 'Jörg the Müller'],
        ['b@y.example', 'Ä, B'],
        ['c@xn--bcher-kva.example', 'Übel'],
      ],
    )
  })

  test('parameters, short and long; one that is in RFC 2231 already stands alone', () => {
    for (const name of ["Befund (ü) 'a'*.pdf", `${'Überweisung '.repeat(12)}.pdf`]) {
      const value = encode(`Content-Disposition: attachment; filename="${name}"; size=3\r\n`)
      expect(Object.fromEntries(parseDisposition(value)?.parameters ?? [])).toEqual({
        filename: name,
        size: '3',
      })
    }
    expect(encode("Content-Disposition: attachment; filename=ä; filename*=utf-8''%C3%B6\r\n")).toBe(
      "attachment; filename*=utf-8''%C3%B6",
    )
  })

  test.each([
    'From: jörg@x.example',
    'Message-ID: <ä@x>',
    'Date: März',
    'ä',
    'Content-Type: tëxt/plain',
    'To: "ä',
  ])('where only ASCII may stand it is MALFORMED: %s', (line) => {
    expect(() => encode(`${line}\r\n`)).toThrow(expect.objectContaining({ code: 'MALFORMED' }))
  })
})
